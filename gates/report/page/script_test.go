package page_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// TestScriptPrintsAsGoDoes compares what the script prints by itself, sums of frames and shares, with package unit.
func TestScriptPrintsAsGoDoes(t *testing.T) {
	if os.Getenv("HEAPTOP_FULL") != "1" {
		t.Skip("runs the script of pages in Node: set HEAPTOP_FULL=1")
	}
	node := samplertest.Tool(t, "node")
	core, err := os.ReadFile("assets/core.js")
	if err != nil {
		t.Fatal(err)
	}
	printers := "function fixed" + between(t, string(core), "\nfunction fixed", "\nconst two =")
	values := []float64{0, 0.5, 1.5, 2.5, 999.4, 999.5, 1125, 1.125e6, 9995, 9.995e6, 99.95e6, 99949, 999499, 999500, 1e9, 4.8e9, 1e15, 1e18, 9e18, 2e20}
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		values = append(values, math.Floor(math.Exp(r.Float64()*42)), float64(r.IntN(4000))*125)
	}
	in, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "-e", printers+`
		const values = JSON.parse(require("fs").readFileSync(0, "utf8"));
		console.log(JSON.stringify(values.map((v) => [printers.bytes(v), printers.count(v), percent(v / 2e7)])));`)
	cmd.Stdin = bytes.NewReader(in)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.String())
	}
	var got [][3]string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(values) {
		t.Fatalf("%d of %d values were printed", len(got), len(values))
	}
	wrong := 0
	for i, v := range values {
		if want := [3]string{unit.Bytes(v), unit.Count(v), unit.Percent(v / 2e7)}; got[i] != want && wrong < 10 {
			t.Errorf("%v: the script prints %q, Go %q", v, got[i], want)
			wrong++
		}
	}
}
