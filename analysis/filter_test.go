package analysis_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

func apiServer() *sampler.Process {
	return &sampler.Process{PID: 4242, PPID: 1, Name: "api-server", Command: "/usr/bin/api-server --mode=Fast", User: "root", Container: "web-1", State: 'S',
		RSS: sampler.Known(1.5e9), Threads: sampler.Known(12), CPU: sampler.Known(95), Swap: sampler.Known(0)}
}

func TestFilterMatches(t *testing.T) {
	tests := map[string]bool{
		"": true, "   ": true, "api": true, "API": true, "fast": true, "nginx": false, `"--mode=fast"`: true,
		"mem>1gb": true, "mem>1.5GB": false, "mem>=1.5GB": true, "rss<2GiB": true, "mem!=1GB": true, "mem<=1GB": false, "mem=1.5gb": true, "mem==1.5gb": true,
		"swap=0B": true, "swap>0B": false, "cpu>90s": true, "cpu>=1m35s": true, "cpu>95": false, "threads>10": true, "pid=4242": true, "ppid=1": true,
		"peak>1MB": false, "peak<1MB": false, "peak!=1MB": false, // the peak was not read: nothing can be said of it
		"user=root": true, "user=Root": true, "user!=root": false, "name~API": true, "name=api": false, "name=api-server": true, "command~mode": true, "cmd~nginx": false,
		"container=web-1": true, "state=s": true, "state!=S": false, `name="api-server"`: true, `container=""`: false,
		"mem>1gb user=root name~api": true, "mem>1gb user=nobody": false, "user=root\tapi": true,
	}
	for text, want := range tests {
		f, err := analysis.ParseFilter(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := f.Match(apiServer()); got != want {
			t.Errorf("%q matches: %v, want %v", text, got, want)
		}
		if f.Empty() != (strings.TrimSpace(text) == "") || f.String() != text {
			t.Errorf("%q: empty %v, text %q", text, f.Empty(), f)
		}
	}
}

func TestFilterErrorsNameTheColumn(t *testing.T) {
	tests := []struct {
		text   string
		column int
		want   string
	}{
		{"mem>1gb foo=2", 9, `unknown key "foo": known are mem`},
		{"mem>lots", 5, "mem:"},
		{"mem>", 5, "mem> needs a value"},
		{">5", 1, `">" needs a key`},
		{`"mem">5`, 1, "needs a key"},
		{`name="api`, 6, "quote is not closed"},
		{"mem~5", 1, "~ is for texts"},
		{"éé user<root", 4, "< is for numbers"},
		{"pid=1.5", 5, "not a whole number"},
		{"cpu>50%", 5, "CPU time used so far"},
		{"a !b", 3, "!= is"},
		{"mem>1TB mem>-5MB", 13, "mem:"},
		{strings.Repeat("x", 5000), 1, "longer than"},
	}
	for _, test := range tests {
		_, err := analysis.ParseFilter(test.text)
		var at *analysis.FilterError
		if !errors.As(err, &at) || at.Column != test.column || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.40q: %v, want %q in column %d", test.text, err, test.want, test.column)
		}
	}
}

func TestFilterSaysWhenItNeedsStatus(t *testing.T) {
	for text, want := range map[string]bool{"mem>1gb": false, "swap>1MB": true, "api peak>1MB": true, "": false} {
		f, err := analysis.ParseFilter(text)
		if err != nil || f.NeedsStatus() != want {
			t.Errorf("%q needs status: %v %v, want %v", text, f.NeedsStatus(), err, want)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, text := range []string{"mem>1gb user=root name~api", `name="a b" x`, "cpu>1h swap!=0B", "!", "==", `"`, "state=", "\x00\xff=\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := analysis.ParseFilter(text)
		if err != nil {
			var at *analysis.FilterError
			if !errors.As(err, &at) || at.Column < 1 || at.Column > len([]rune(text))+1 {
				t.Fatalf("%q: error %v has no column in the text", text, err)
			}
			return
		}
		filter.Match(apiServer())
		filter.Match(&sampler.Process{})
		again, err := analysis.ParseFilter(filter.String())
		if err != nil || again.Match(apiServer()) != filter.Match(apiServer()) {
			t.Fatalf("%q means something else the second time: %v", text, err)
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	f, err := analysis.ParseFilter("mem>1gb user=root name~api")
	if err != nil {
		b.Fatal(err)
	}
	p := apiServer()
	b.ReportAllocs()
	for b.Loop() {
		f.Match(p)
	}
}
