//go:build unix

package cli_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// refusing is a server of Redis's protocol that answers as it is told: by command, or anything with what "" has. A command
// without an answer is answered OK; "hang" answers nothing, "hang up" ends the connection.
type refusing map[string]string

const (
	quietInfo = "redis_version:7.0.15\r\nrole:master\r\nrun_id:1\r\nused_memory:1000000\r\nused_memory_rss:2000000\r\nevicted_keys:0\r\nmaxmemory:0\r\n"
	hang      = "hang"
	hangUp    = "hang up"
)

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// serve starts the server and returns its URL.
func (r refusing) serve(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "heaptop-redis") // a socket's path is short, and t.TempDir's may not be
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
		_ = os.RemoveAll(dir)
	})
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			all.Go(func() { r.talk(c) })
		}
	})
	return "redis+unix://" + path
}

func (r refusing) talk(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		args, err := command(in)
		if err != nil {
			return
		}
		name := strings.ToUpper(args[0])
		answer, known := r[name]
		if !known {
			answer = r[""]
		}
		if name == "HELLO" && !strings.HasPrefix(answer, "-") && answer != hang && answer != hangUp && !strings.HasPrefix(answer, "\x1b") {
			answer = "-ERR unknown command 'HELLO'\r\n" // as servers before 6.0
		}
		switch answer {
		case hang:
			continue
		case hangUp:
			return
		case "":
			answer = "+OK\r\n"
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

// command reads a list of strings.
func command(in *bufio.Reader) ([]string, error) {
	number := func() (int, error) {
		line, err := in.ReadString('\n')
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(line[1:]))
	}
	n, err := number()
	if err != nil || n < 1 {
		return nil, io.EOF
	}
	args := make([]string, n)
	for i := range args {
		size, err := number()
		if err != nil {
			return nil, err
		}
		data := make([]byte, size+2)
		if _, err := io.ReadFull(in, data); err != nil {
			return nil, err
		}
		args[i] = string(data[:size])
	}
	return args, nil
}

// writing is a server that lets itself be read, and answers what is stored with this.
func writing(answer string) refusing {
	return refusing{"INFO": bulk(quietInfo), "DBSIZE": ":0\r\n", "COMMAND": "*1\r\n*-1\r\n", "SET": answer, "HSET": answer}
}

// TestRedisThatRefuses runs the program on servers that say no, and on what is no server: exit code 2, words that say why and
// what to do, in time, no figures, and no escape code of the server's.
func TestRedisThatRefuses(t *testing.T) {
	t.Parallel()
	bin := heaptop(t)
	ways := map[string][]string{
		"live":   {"--format", "text", "--interval", "200ms", "--duration", "1s"},
		"target": {"--headless", "--limit", "used_memory=1GB", "--duration", "1s", "--format", "metrics"},
		"suite":  {"--headless", "--suite", "redis-overhead", "--runs", "1", "--format", "text"},
	}
	all := []string{"live", "target", "suite"}
	for name, c := range map[string]struct {
		server refusing
		ways   []string
		says   string
	}{
		"NOAUTH":         {refusing{"": "-NOAUTH Authentication required.\r\n"}, all, "it wants a password: set HEAPTOP_REDIS_PASSWORD"},
		"NOPERM":         {refusing{"": "-NOPERM this user has no permissions to run the 'info' command\r\n"}, all, "ACL SETUSER"},
		"may not write":  {writing("-NOPERM this user has no permissions to run the 'set' command\r\n"), []string{"suite"}, "this suite writes, so its user needs ACL SETUSER NAME +info"},
		"may not ask":    {refusing{"INFO": bulk(quietInfo), "DBSIZE": ":0\r\n", "COMMAND": "-NOPERM no permissions to run the 'command|info' command\r\n"}, []string{"suite"}, "this suite writes"},
		"cluster":        {refusing{"INFO": bulk(quietInfo + "redis_mode:cluster\r\n")}, []string{"suite"}, "name a server that stands alone"},
		"sentinel":       {refusing{"INFO": bulk(quietInfo + "redis_mode:sentinel\r\n")}, []string{"suite"}, "is a sentinel, which holds no data: name a server that it watches"},
		"protected mode": {refusing{"": "-DENIED Redis is running in protected mode\r\n"}, all, "it is in protected mode"},
		"max clients":    {refusing{"": "-ERR max number of clients reached\r\n"}, all, "raise maxclients"},
		"loading":        {refusing{"": "-LOADING Redis is loading the dataset in memory\r\n"}, all, "it is loading its data"},
		"busy":           {refusing{"": "-BUSY Redis is busy running a script.\r\n"}, all, "a script holds it up"},
		"garbage":        {refusing{"": "\x1b[2J\x00\x00garbage\r\n"}, all, "does not speak Redis's protocol"},
		"no figures":     {refusing{"": "$2\r\nhi\r\n"}, []string{"live", "target"}, "this is no Redis server"},
		"never":          {refusing{"": hang}, []string{"live", "target"}, "i/o timeout"},
		"hangs up":       {refusing{"": hangUp}, all, "the connection was closed"},
		"MISCONF":        {writing("-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.\r\n"), []string{"suite"}, "its last save did not succeed"},
		"READONLY":       {writing("-READONLY You can't write against a read only replica.\r\n"), []string{"suite"}, "it is a replica, which takes no writes"},
		"MOVED":          {writing("-MOVED 3999 127.0.0.1:6381\r\n"), []string{"suite"}, "it is a node of a cluster, and the key is on another"},
		"dies":           {writing(hangUp), []string{"suite"}, "may be left there"},
		"escapes":        {refusing{"": "-ERR \x1b]0;owned\x07no\r\n"}, all, "no"},
	} {
		for _, way := range c.ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
				defer stop()
				run := exec.CommandContext(ctx, bin, append(ways[way], c.server.serve(t))...)
				run.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
				var out, errs strings.Builder
				run.Stdout, run.Stderr = &out, &errs
				_ = run.Run()
				text := strings.Join(strings.Fields(out.String()+errs.String()), " ")
				if code := run.ProcessState.ExitCode(); code != 2 || !strings.Contains(text, c.says) {
					t.Errorf("exit %d, want 2 and %q:\n%s%s", code, c.says, out.String(), errs.String())
				}
				if name != "dies" && strings.Contains(text, "may be left there") {
					t.Errorf("nothing was written:\n%s", text)
				}
				if strings.Contains(text, "\x1b") || strings.Contains(out.String(), "METRIC:") {
					t.Errorf("an escape code, or figures:\n%q", text)
				}
			})
		}
	}
}
