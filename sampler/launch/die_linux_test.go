package launch_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/launch"
)

// TestMain lets the test binary play heaptop for TestCommandDiesWithHeaptop, and the programs that are measured.
func TestMain(m *testing.M) {
	if os.Getenv(partEnv) != "" {
		parts[os.Args[1]]()
		os.Exit(0)
	}
	if os.Getenv("HEAPTOP_LAUNCH_PARENT") != "" {
		p, err := launch.Start(launch.Options{Args: []string{"sleep", "60"}})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(p.PID())
		select {}
	}
	os.Exit(m.Run())
}

func TestCommandDiesWithHeaptop(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "HEAPTOP_LAUNCH_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64)
	n, err := out.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(buffer[:n])))
	if err != nil {
		t.Fatal(err)
	}
	if dead(pid) {
		t.Fatal("the command ended on its own")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait()
	until(t, "the command is dead", func() bool { return dead(pid) })
}
