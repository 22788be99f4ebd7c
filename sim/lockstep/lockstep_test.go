package lockstep

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// The switch that turns this test's program into the child, and the bug that is planted in it.
const plantVariable = "FAUXKUBE_LOCKSTEP_PLANT"

func TestMain(m *testing.M) {
	if plant, child := os.LookupEnv(plantVariable); child {
		runChild(plant)
		return
	}
	os.Exit(m.Run())
}

// runChild runs the toy protocol: eight processes pass rumours on, each to a drawn neighbour after a drawn pause.
// At 3 s, process node-5 does what plant says.
func runChild(plant string) {
	r := NewReporter(os.Stdin, os.Stdout, func() { os.Exit(0) })
	c := sim.Config{Seed: 11}
	r.Configure(&c)
	s := sim.New(c)
	defer s.Close()
	r.Watch(s)
	gossip(s, plant)
	if err := s.Run(sim.Time(10 * time.Second)); err != nil {
		panic(err)
	}
	r.Finish()
}

func gossip(s *sim.Simulation, plant string) {
	var nodes []*sim.Process
	stream := s.Stream("gossip")
	var tell sim.Kind
	tell = s.Kind("gossip.tell", func(num uint64, ref any) {
		next := nodes[stream.Int63n(0, int64(len(nodes)))]
		next.At(time.Duration(stream.Int63n(1, 500_000)), 0, tell, num+1, next)
	})
	for i := range 8 {
		p := s.NewProcess(fmt.Sprint("node-", i), s.NewClock())
		nodes = append(nodes, p)
		p.Go("rumours", func(t *sim.Task) {
			for {
				p.At(0, 0, tell, uint64(i)<<32, p)
				t.Sleep(time.Second)
			}
		})
	}
	count := s.Kind("gossip.count", nil)
	nodes[5].After(3*time.Second, func() { s.Observe(count, planted(plant), 0) })
}

// planted is deterministic unless a bug is planted.
func planted(plant string) uint64 {
	names := map[string]uint64{}
	for i := range uint64(1000) {
		names[fmt.Sprint(i)] = i
	}
	var order uint64
	switch plant {
	case "map-range":
		for _, i := range names {
			order = order*31 + i
		}
	case "wall-clock":
		order = uint64(time.Now().UnixNano())
	}
	return order
}

// child starts this very program as a child with its own number of processors.
func child(t *testing.T, plant string, processors int) Side {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program)
	c.Env = append(os.Environ(), plantVariable+"="+plant, fmt.Sprint("GOMAXPROCS=", processors))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = c.Wait()
	})
	return Side{Name: fmt.Sprint("GOMAXPROCS=", processors), In: in, Out: out}
}

func TestEqualRunsAreEqual(t *testing.T) {
	result, err := Compare(child(t, "", 1), child(t, "", 2))
	if err != nil {
		t.Fatal(err)
	}
	if result.Steps < 2*BlockSteps {
		t.Errorf("only %d steps: the comparison looked at less than two blocks", result.Steps)
	}
}

// The detector of divergence finds a range over a map and a look at the wall clock, and names the step.
func TestPlantedBugsAreFoundWithTheirStep(t *testing.T) {
	for _, plant := range []string{"map-range", "wall-clock"} {
		t.Run(plant, func(t *testing.T) {
			_, err := Compare(child(t, plant, 1), child(t, plant, 2))
			var d *Difference
			if !errors.As(err, &d) {
				t.Fatalf("Compare returned %v, want a difference", err)
			}
			for _, line := range []string{d.ALine, d.BLine} {
				if !strings.Contains(line, "3.000000000s") || !strings.Contains(line, "node-5  gossip.count") {
					t.Errorf("the difference names %q, want node-5's gossip.count at 3 s", line)
				}
			}
			if len(d.Before) != contextLines || d.A.Step != d.Step {
				t.Errorf("the difference has %d lines before it and step %d", len(d.Before), d.Step)
			}
		})
	}
}

func TestSideThatBreaksOffIsNamed(t *testing.T) {
	a, b := child(t, "", 1), child(t, "", 2)
	b.Out = strings.NewReader("")
	if _, err := Compare(a, b); err == nil || !strings.Contains(err.Error(), "GOMAXPROCS=2 broke off") {
		t.Errorf("Compare returned %v", err)
	}
}
