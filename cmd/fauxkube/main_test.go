package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fauxkube/fauxkube/sim"
)

// plantVariable makes the program under test misbehave, in the way that its value names.
const plantVariable = "FAUXKUBE_PLANT"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fauxkube": func() {
		a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, started: plants[os.Getenv(plantVariable)]}
		os.Exit(a.main(os.Args[1:]))
	}})
}

// plants are the bugs that the scripts ask for, each 5 s after the start.
var plants = map[string]func(*sim.Simulation){
	"panic": func(s *sim.Simulation) {
		s.World().After(5*time.Second, func() { panic("the planted panic") })
	},
	"task-panic": func(s *sim.Simulation) {
		s.World().Go("planted", func(t *sim.Task) {
			t.Sleep(5 * time.Second)
			panic("the planted panic")
		})
	},
	"livelock": func(s *sim.Simulation) {
		var again func()
		again = func() { s.World().After(0, again) }
		s.World().After(5*time.Second, again)
	},
	"wall-clock": func(s *sim.Simulation) {
		planted := s.Kind("planted.fact", nil)
		s.World().After(5*time.Second, func() { s.Observe(planted, uint64(time.Now().UnixNano()), 0) })
	},
	"interrupt": func(s *sim.Simulation) {
		s.World().After(5*time.Second, func() {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Signal(os.Interrupt)
			}
			if err != nil {
				panic(err)
			}
			time.Sleep(200 * time.Millisecond) // Until the signal has arrived.
		})
	},
	"slow": func(s *sim.Simulation) {
		s.World().After(5*time.Second, func() { time.Sleep(2 * time.Second) })
	},
}

// The scripts are the specification of the command line: every verb, every kind of bad input, with exit status and
// message. `exits N command...` runs a command and wants that status.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) < 2 {
					ts.Fatalf("usage: exits STATUS command...")
				}
				wanted, err := strconv.Atoi(args[0])
				ts.Check(err)
				if got := exitStatus(ts.Exec(args[1], args[2:]...)); got != fmt.Sprint(wanted) {
					ts.Fatalf("exit status %s, want %d", got, wanted)
				}
			},
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("TMPDIR", e.WorkDir)
			e.Setenv("GITHUB_STEP_SUMMARY", "")
			return nil
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

func exitStatus(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "0"
	case errors.As(err, &exit):
		return fmt.Sprint(exit.ExitCode())
	}
	return err.Error()
}
