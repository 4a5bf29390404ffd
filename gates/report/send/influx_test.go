package send_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates/report/send"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// free is an address of this machine that nobody listened at a moment ago.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// influxd starts a real InfluxDB in a folder of its own and returns its URL.
func influxd(t *testing.T) string {
	t.Helper()
	samplertest.NotUnderRace(t)
	program := samplertest.Tool(t, "influxd")
	dir, address := t.TempDir(), free(t)
	config := fmt.Sprintf(`reporting-disabled = true
bind-address = %q
[meta]
dir = %q
[data]
dir = %q
wal-dir = %q
[monitor]
store-enabled = false
[http]
bind-address = %q
auth-enabled = true
`, free(t), filepath.Join(dir, "meta"), filepath.Join(dir, "data"), filepath.Join(dir, "wal"), address)
	path := filepath.Join(dir, "influxdb.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, program, "-config", path)
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		c.Wait()
		log.Close()
	})
	base := "http://" + address
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(base + "/ping")
		if err == nil {
			resp.Body.Close()
			return base
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("influxd does not answer: %v\n%s", err, said)
		}
	}
}

// query asks InfluxDB, as the administrator that the test makes first.
func query(t *testing.T, base, q string) [][]any {
	t.Helper()
	u := base + "/query?" + url.Values{"db": {"heaptop"}, "q": {q}, "u": {"admin"}, "p": {secret}, "epoch": {"ns"}}.Encode()
	resp, err := http.Post(u, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Error   string
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber() // times in nanoseconds do not fit a float
	if err := decoder.Decode(&answer); err != nil || answer.Error != "" || len(answer.Results) != 1 || answer.Results[0].Error != "" {
		t.Fatalf("%s: %v: %s", q, err, data)
	}
	var rows [][]any
	for _, s := range answer.Results[0].Series {
		rows = append(rows, s.Values...)
	}
	return rows
}

func TestRealInfluxDB(t *testing.T) {
	base := influxd(t)
	query(t, base, `CREATE USER admin WITH PASSWORD '`+secret+`' WITH ALL PRIVILEGES`)
	account := []string{"INFLUX_USERNAME", "admin", "INFLUX_PASSWORD", secret}
	report := reportOf(600)
	report.Scenarios[0].Name = `a "name", with = and spaces`
	target := "influx=" + base + "?db=heaptop"

	_, err := (&send.Sender{}).Send(t.Context(), parse(t, target, account...), report)
	if err == nil || !strings.Contains(err.Error(), "database not found") || !strings.Contains(err.Error(), "0 of 1200 points were sent") {
		t.Errorf("a database that there is not: %v", err)
	}
	query(t, base, "CREATE DATABASE heaptop")
	_, err = (&send.Sender{}).Send(t.Context(), parse(t, target), report)
	if err == nil || !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), "check INFLUX_TOKEN") {
		t.Errorf("nobody: %v", err)
	}
	_, err = (&send.Sender{}).Send(t.Context(), parse(t, target, "INFLUX_USERNAME", "admin", "INFLUX_PASSWORD", "not-"+secret), report)
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a wrong password: %v", err)
	}

	for range 2 { // the second time writes the same points
		out, err := (&send.Sender{}).Send(t.Context(), parse(t, target, account...), report)
		if err != nil || out.Sent != 1200 || out.Requests != 2 {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	rows := query(t, base, `SELECT "value", "scenario", "metric", "unit" FROM heaptop`)
	if len(rows) != 600 {
		t.Fatalf("%d points are stored, want 600", len(rows))
	}
	stored := map[string]string{}
	for _, row := range rows {
		if got, want := fmt.Sprint(row[0]), fmt.Sprint(report.FinishedAt.UnixNano()); got != want {
			t.Fatalf("a point at %s, want %s", got, want)
		}
		if row[3] != "peak_rss" || row[4] != "bytes" {
			t.Fatalf("a point of %v in %v, want peak_rss in bytes alone", row[3], row[4])
		}
		stored[row[2].(string)] = fmt.Sprint(row[1])
	}
	for i, s := range report.Scenarios {
		if got, want := stored[s.Name], fmt.Sprint(1000+i); got != want {
			t.Errorf("%s is stored as %q, want %s", s.Name, got, want)
		}
	}
	if rows := query(t, base, `SELECT "verdict", "runs" FROM heaptop_scenario`); len(rows) != 600 || fmt.Sprint(rows[0][2]) != "1" {
		t.Errorf("%d verdicts are stored, the first is %v", len(rows), rows[0])
	}
}

func TestNobodyListens(t *testing.T) {
	var pauses []time.Duration
	_, err := quick(&pauses).Send(t.Context(), parse(t, "influx=http://"+free(t)+"?db=x"), reportOf(1))
	if err == nil || !strings.Contains(err.Error(), "refused, tried 5 times; 0 of 2 points were sent, 2 were not") {
		t.Error(err)
	}
}
