package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/fauxkube/fauxkube/sim"
)

// gcPercent trades memory for time, unless GOGC says otherwise. Ten thousand pods on a thousand nodes take a fifth less
// processor time than at Go's default of 100, and a third more memory (1.3 GiB).
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(a.main(os.Args[1:]))
}

// app is what all verbs share.
type app struct {
	in       io.Reader
	out, err *os.File
	// started sees every simulation before its first step. Tests plant faults there.
	started func(*sim.Simulation)
	profile profiles
}

// The exit statuses that are not 0.
const (
	statusFailed      = 1
	statusBadInput    = 2
	statusBug         = 3
	statusInterrupted = 130 // 128 + SIGINT, as shells count.
)

var (
	// errFailed ends a verb whose report has already said what did not hold.
	errFailed = errors.New("not everything held")
	// errInterrupted ends a verb that was told to stop.
	errInterrupted = errors.New("interrupted")
)

// main runs a command line and returns its exit status.
func (a *app) main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // A second signal ends the program at once.
	root := a.rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if stopped := a.profile.stop(); err == nil {
		err = stopped
	}
	a.explain(err)
	return status(err)
}

// status is the exit status for what ended a verb.
func status(err error) int {
	var bug *bugError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &bug):
		return statusBug
	case errors.Is(err, errInterrupted):
		return statusInterrupted
	case errors.Is(err, errFailed):
		return statusFailed
	}
	return statusBadInput
}

// explain prints an error, a line for each that was joined. What a report has said is not said again; of several bugs
// the first one's stack is enough.
func (a *app) explain(err error) {
	if err == nil || errors.Is(err, errFailed) {
		return
	}
	var bug *bugError
	if errors.As(err, &bug) {
		fmt.Fprintln(a.err, strings.TrimSpace(bug.stack))
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprint(a.err, "fauxkube: ", strings.TrimSuffix(line, "\n"), "\n")
	}
}
