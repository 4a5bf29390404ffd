package run

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/overhead"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/sampler"
	source "github.com/alloc-dev/heaptop/sampler/redis"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const (
	redisRuns     = 5                // how often each document is stored and measured
	redisCopies   = 1000             // copies of the second figure
	redisRoom     = 16 << 20         // bytes that copies of one document may take together
	redisLeast    = 10               // copies, whatever they take
	redisPatience = 30 * time.Second // for one batch
	redisCleanup  = 15 * time.Second // to delete what was written, also after the end of the run
	redisKeyBytes = 24               // the length of every key's name
)

// redisOverhead measures and judges what the documents take in a server. What it wrote is deleted, whatever happens; where
// the server is gone by then the error says what may be left.
func (r *runner) redisOverhead(ctx context.Context, s *policy.Scenario) ([]gates.Scenario, error) {
	began := r.options.now()
	out := gates.Scenario{Name: s.Name, Kind: s.Kind, Metrics: map[string]gates.Measured{}}
	b, err := newRedisBench(s.Overhead.Redis)
	if err != nil {
		return nil, err
	}
	b.runs = cmp.Or(s.Runs, redisRuns)
	b.say = func(run int) { r.say(Progress{Scenario: s.Name, Stage: "run", Run: run, Most: b.runs}) }
	err = b.measure(ctx)
	err = oneLine(err, b.clean(ctx), b.client.Close())
	out.DurationS = r.since(began)
	if err != nil {
		return nil, err
	}
	overhead.Summarize(&b.report)
	out.Runs, out.Metrics = b.runs, overhead.Metrics(&b.report)
	found, warnings := overhead.Judge(&b.report, s.Overhead.Redis.Settings)
	b.noteSlow()
	out.Gates, out.Warnings = found, append(b.warnings, warnings...)
	if r.baseline != nil {
		if then := r.baseline.scenarios[s.Name]; then != nil && then.Overhead != nil {
			overhead.Compare(&b.report, then.Overhead, r.baseline.path)
		} else {
			out.Warnings = append(out.Warnings, "the earlier report "+r.baseline.path+" has no such overhead: there is no trend")
		}
	}
	out.Overhead = &b.report
	return []gates.Scenario{out}, nil
}

// redisBench stores documents in one server.
type redisBench struct {
	set      *policy.RedisOverhead
	options  *redis.Options
	client   *redis.Client
	who      string // the server in words, without its password
	prefix   string // of every key, random
	written  int    // keys with numbers below it may be there
	dirty    bool
	json     string // why there is none
	limit    float64
	evicted  float64
	slow     int64 // commands that the server noted as slow while copies were stored
	runs     int
	report   gates.OverheadReport
	warnings []string

	slowHidden bool // the slow log may not be read
	say        func(run int)

	documents []overhead.Document
}

func newRedisBench(set *policy.RedisOverhead) (*redisBench, error) {
	options, err := source.ClientOptions(set.URL, os.Getenv)
	if err != nil {
		return nil, worktree.Usage("%w", err)
	}
	options.ReadTimeout, options.WriteTimeout = redisPatience, redisPatience
	random := make([]byte, 3)
	if _, err := rand.Read(random); err != nil {
		return nil, fmt.Errorf("draw a prefix for the keys: %w", err)
	}
	who := options.Addr
	if options.DB != 0 {
		who += " database " + strconv.Itoa(options.DB)
	}
	return &redisBench{set: set, options: options, who: who, prefix: "{heaptop-" + hex.EncodeToString(random) + "}:", say: func(int) {}, documents: overhead.Documents()}, nil
}

// key is the name of the n-th key. All have one length, which MEMORY USAGE counts.
func (b *redisBench) key(n int) string {
	return fmt.Sprintf("%s%0*d", b.prefix, redisKeyBytes-len(b.prefix), n)
}

// writerNeeds is what a user of the server must be allowed for this suite.
const writerNeeds = "+info +dbsize +select +command|info +module|list +set +hset +del +exists +memory|usage +object|encoding ~{heaptop-*, and +json.set where there is the module"

// told says what was done, such as "store in", with what error.
func (b *redisBench) told(doing string, err error) error {
	if refused(err, "NOPERM") {
		return fmt.Errorf("%s %s: %w: this suite writes, so its user needs ACL SETUSER NAME %s (%w)", doing, b.who, err, writerNeeds, sampler.ErrPermission)
	}
	return source.Explain(doing+" "+b.who, err)
}

// refused reports whether the server answered no, in words that begin so.
func refused(err error, words string) bool {
	var answer redis.Error
	return errors.As(err, &answer) && strings.HasPrefix(answer.Error(), words)
}

// oneLine joins errors as one sentence: the second says what came of the first.
func oneLine(all ...error) error {
	var out error
	for _, err := range all {
		switch {
		case out == nil:
			out = err
		case err != nil:
			out = fmt.Errorf("%w; %w", out, err)
		}
	}
	return out
}

// measure fills the report.
func (b *redisBench) measure(ctx context.Context) error {
	b.client = redis.NewClient(b.options)
	if err := b.inspect(ctx); err != nil {
		return err
	}
	for _, d := range b.documents {
		one := gates.OverheadDocument{Name: d.Name, Category: d.Category, Description: d.Description, TextBytes: len(d.Text)}
		for _, as := range overhead.Asked(b.set.Representations) {
			stored := gates.OverheadStored{As: as}
			if as == overhead.JSON {
				stored.Missing = b.json
			}
			one.Stored = append(one.Stored, stored)
		}
		b.report.Documents = append(b.report.Documents, one)
	}
	for run := range b.runs {
		b.say(run + 1)
		if err := b.once(ctx); err != nil {
			return fmt.Errorf("run %d of %d: %w", run+1, b.runs, err)
		}
	}
	return nil
}

// once stores every document once, and then many times.
func (b *redisBench) once(ctx context.Context) error {
	for i, d := range b.documents {
		for j := range b.report.Documents[i].Stored {
			stored := &b.report.Documents[i].Stored[j]
			if stored.Missing != "" {
				continue
			}
			if err := b.single(ctx, d, stored); err != nil {
				return fmt.Errorf("%s as %s: %w", d.Name, stored.As, err)
			}
		}
	}
	if err := b.settleKeyspace(ctx); err != nil {
		return err
	}
	for i, d := range b.documents {
		for j := range b.report.Documents[i].Stored {
			stored := &b.report.Documents[i].Stored[j]
			if stored.Missing != "" {
				continue
			}
			if err := b.copies(ctx, d, stored); err != nil {
				return fmt.Errorf("copies of %s as %s: %w", d.Name, stored.As, err)
			}
		}
	}
	return b.clean(ctx)
}

// single stores a document under a fresh key and asks the server what it takes.
func (b *redisBench) single(ctx context.Context, d overhead.Document, s *gates.OverheadStored) error {
	before := b.dirty
	b.written, b.dirty = max(b.written, 1), true
	key := b.key(0)
	if err := b.store(ctx, b.client, s.As, d, []string{key}); err != nil {
		b.dirty = before || !refused(err, "") // what was answered with no is not there
		return b.told("store in", err)
	}
	took, err := b.client.MemoryUsage(ctx, key, 0).Result()
	if err != nil {
		return b.told("read MEMORY USAGE of", err)
	}
	encoding, err := b.client.ObjectEncoding(ctx, key).Result()
	if err != nil {
		return b.told("read OBJECT ENCODING of", err)
	}
	if s.Encoding = clipWord(encoding); took <= 0 {
		return fmt.Errorf("MEMORY USAGE says %d bytes", took)
	}
	s.Values = append(s.Values, float64(took))
	if err := b.client.Del(ctx, key).Err(); err != nil {
		return b.told("delete from", err)
	}
	return b.unmoved(ctx)
}

// store writes a document under each of the keys, in one batch.
func (b *redisBench) store(ctx context.Context, client *redis.Client, as string, d overhead.Document, keys []string) error {
	p := client.Pipeline()
	for _, key := range keys {
		switch as {
		case overhead.JSON:
			p.Do(ctx, "JSON.SET", key, "$", d.Text)
		case overhead.Hash:
			args := make([]any, 0, 2+2*len(d.Fields))
			args = append(args, "HSET", key)
			for _, f := range d.Fields {
				args = append(args, f.Path, f.Value)
			}
			p.Do(ctx, args...)
		default:
			p.Set(ctx, key, d.Text, 0)
		}
	}
	_, err := p.Exec(ctx)
	return err
}

// clean deletes what was written. It has a time of its own, for the run may have been interrupted.
func (b *redisBench) clean(ctx context.Context) error {
	if !b.dirty || b.client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), redisCleanup)
	defer cancel()
	client := redis.NewClient(b.options)  // the other connection may be in the middle of an answer
	defer func() { _ = client.Close() }() // what matters has been answered by then
	for from := 0; from < b.written; from += 500 {
		keys := make([]string, 0, 500)
		for n := from; n < min(from+500, b.written); n++ {
			keys = append(keys, b.key(n))
		}
		if err := client.Del(ctx, keys...).Err(); err != nil {
			return fmt.Errorf("%w: what heaptop wrote may be left there: at most %s with names that begin with %s", b.told("delete from", err), unit.Things(b.written, "key"), b.prefix)
		}
	}
	b.dirty = false
	return nil
}

func clipWord(s string) string { return strings.ToValidUTF8(s[:min(len(s), 40)], "?") }
