package agent_test

import (
	"fmt"
	"runtime"

	"github.com/alloc-dev/heaptop/sampler/agent"
)

// A program, or a test of one, that says of itself what heaptop --headless is to judge: ten sessions, no warm-up among the
// figures, and the heap while all of it is alive.
func Example() {
	agent.Sessions(10)
	agent.Phase("baseline")
	agent.Checkpoint("begin")

	agent.Phase("warm-up")
	sessions := make([][]string, 10)
	serve(sessions, 100)

	agent.Phase("work")
	serve(sessions, 1000)
	agent.Checkpoint("alive")
	fmt.Println(len(sessions[0]), "answers are kept for each session")
	runtime.KeepAlive(sessions)

	agent.Phase("tear-down")
	// Output: 1100 answers are kept for each session
}

func serve(sessions [][]string, requests int) {
	for n := range requests {
		for i := range sessions {
			sessions[i] = append(sessions[i], fmt.Sprint("answer ", n))
			agent.Worked(1)
		}
	}
}
