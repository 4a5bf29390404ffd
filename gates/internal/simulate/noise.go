// Package simulate plays comparisons with made-up and recorded noise, to count how often a way of judging is wrong. The
// tests of gates assert its figures, and gates/internal/gatetable prints them for docs/gates.md.
//
// It measures nothing and knows nothing about the machine: the same seed gives the same table anywhere.
package simulate

import (
	_ "embed" // the recorded runs
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

//go:embed testdata/recorded.txt
var recorded string

// Noise is what the runs of one program differ by. Begin starts a session of a machine and returns the factors of its
// runs, one after the other, around 1.
type Noise struct {
	Name  string
	Begin func(lot *rand.Rand) func() float64
}

// Noises returns the eight models. Runs of one program have a standard deviation of about sigma, a fraction, besides what
// the ramp adds; recorded runs, which have 4.1 %, are stretched to it.
func Noises(sigma float64) []Noise {
	return []Noise{
		{"normal", independent(func(lot *rand.Rand) float64 { return sigma * lot.NormFloat64() })},
		{"heavy tails", independent(func(lot *rand.Rand) float64 { return sigma * student3(lot) / math.Sqrt(3) })},
		{"bimodal", independent(func(lot *rand.Rand) float64 {
			return sigma * (float64(2*lot.IntN(2)-1) + .2*lot.NormFloat64())
		})},
		{"drift", autocorrelated(sigma, .9)},
		{"ramp", ramp(sigma)},
		{"outliers", independent(func(lot *rand.Rand) float64 {
			if lot.IntN(20) == 0 {
				return sigma * (4 + lot.NormFloat64()/2)
			}
			return sigma / 2 * lot.NormFloat64()
		})},
		resampled("index", sigma),
		resampled("decode", sigma),
	}
}

func independent(draw func(*rand.Rand) float64) func(*rand.Rand) func() float64 {
	return func(lot *rand.Rand) func() float64 {
		return func() float64 { return math.Exp(draw(lot)) }
	}
}

// student3 draws from Student's t with three degrees of freedom, whose variance is 3.
func student3(lot *rand.Rand) float64 {
	chi := 0.0
	for range 3 {
		v := lot.NormFloat64()
		chi += v * v
	}
	return lot.NormFloat64() / math.Sqrt(chi/3)
}

// autocorrelated is a machine that is slow for a while: neighbours in time are alike.
func autocorrelated(sigma, phi float64) func(*rand.Rand) func() float64 {
	return func(lot *rand.Rand) func() float64 {
		level := sigma * lot.NormFloat64()
		return func() float64 {
			now := level
			level = phi*level + sigma*math.Sqrt(1-phi*phi)*lot.NormFloat64()
			return math.Exp(now)
		}
	}
}

// ramp is a machine that fills up: each run is a little above the one before it.
func ramp(sigma float64) func(*rand.Rand) func() float64 {
	return func(lot *rand.Rand) func() float64 {
		n := 0.0
		return func() float64 {
			n++
			return math.Exp(sigma * (n/8 + lot.NormFloat64()))
		}
	}
}

// resampled draws from the recorded runs of a real program, whose spread is stretched to sigma.
func resampled(program string, sigma float64) Noise {
	values := Recorded(program)
	mean, square := 0.0, 0.0
	for i, v := range values {
		values[i] = math.Log(v)
		mean += values[i] / float64(len(values))
	}
	for _, v := range values {
		square += (v - mean) * (v - mean) / float64(len(values))
	}
	stretch := sigma / math.Sqrt(square)
	return Noise{"recorded: " + program, independent(func(lot *rand.Rand) float64 {
		return stretch * (values[lot.IntN(len(values))] - mean)
	})}
}

// Recorded returns the peak RSS of the recorded runs of a program, in bytes and in their order. It panics for a program
// that the embedded file does not have.
func Recorded(program string) []float64 {
	var out []float64
	for line := range strings.Lines(recorded) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != program {
			continue
		}
		kib, err := strconv.ParseFloat(value, 64)
		if err != nil {
			panic(fmt.Sprintf("recorded.txt: %q is no number", value))
		}
		out = append(out, 1024*kib)
	}
	if len(out) == 0 {
		panic(fmt.Sprintf("recorded.txt: no runs of %q", program))
	}
	return out
}
