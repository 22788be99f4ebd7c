package judge

import (
	"errors"
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios/expect"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim"
)

type kind uint8

const (
	always kind = iota
	never
	eventually
)

// trial is one expectation on its way to a verdict.
type trial struct {
	judge  *Judge
	spec   *format.Expectation
	kind   kind
	watch  *watch
	result reports.Expectation

	opened   bool
	decided  bool
	openedAt sim.Time

	// Of eventually: since when it holds, when the time within which it must is up, and when it last stopped holding.
	holds       bool
	heldSince   sim.Time
	stableTimer sim.Timer
	deadline    sim.Timer
	overdue     bool
	lost        bool
	lostFrom    sim.Time
	lostTo      sim.Time
	lastProblem string
}

// opener is the bound at which the window opens.
func (t *trial) opener() format.After {
	if t.kind == eventually {
		return t.spec.After
	}
	return t.spec.From
}

func (t *trial) open() {
	if t.decided || t.opened {
		return
	}
	t.opened, t.watch.active, t.openedAt = true, true, t.judge.simulation.Now()
	if t.kind == eventually && t.spec.Within > 0 {
		t.deadline = t.judge.after(t.spec.Within.Duration(), "the time was up", t.expire)
	}
	t.look()
}

// close ends the window of always and never.
func (t *trial) close() {
	if t.decided {
		return
	}
	if !t.opened {
		t.decide(reports.NotSeen, "step %s began before step %s had ended, so the time between them never came", t.spec.Until.Step, t.spec.From.Step)
		return
	}
	if restless := t.watch.program.ReadsTime || t.watch.program.ReadsMetrics; restless {
		t.look()
	}
	if !t.decided {
		t.decide(reports.Held, "")
	}
}

// decide is the verdict; nothing changes it.
func (t *trial) decide(v reports.Verdict, message string, args ...any) {
	t.decided, t.watch.active = true, false
	t.result.Verdict, t.result.Message = v, fmt.Sprintf(message, args...)
	t.judge.simulation.Cancel(t.deadline)
	t.judge.simulation.Cancel(t.stableTimer)
	if t.judge.decided != nil {
		t.judge.decided()
	}
}

// look evaluates the expression and draws the conclusion.
func (t *trial) look() {
	if t.decided || !t.opened {
		return
	}
	ok, err := t.watch.program.Eval(t.watch.view)
	var absent *expect.AbsentError
	switch {
	case errors.As(err, &absent):
		t.lastProblem = absent.What
	case err != nil:
		t.fail("cannot be evaluated at %s: %v", t.now(), err)
		t.result.Sides = append(t.result.Sides, t.watch.program.Objects(t.watch.view)...)
		return
	default:
		t.lastProblem = ""
	}
	switch t.kind {
	case always:
		if !ok {
			t.violated("false", absent)
		}
	case never:
		if ok {
			t.violated("true", nil)
		}
	case eventually:
		t.concludeEventually(ok)
	}
}

func (t *trial) violated(what string, absent *expect.AbsentError) {
	reason := ""
	if absent != nil {
		reason = ": " + absent.What
	}
	must := map[kind]string{always: "must hold", never: "must never hold"}[t.kind]
	t.fail("was %s at %s (%s)%s; it %s %s", what, t.now(), t.judge.cause, reason, must, t.window())
}

// fail is a verdict with the time and the values that show it.
func (t *trial) fail(message string, args ...any) {
	t.result.At = t.judge.seconds(t.judge.simulation.Now())
	t.result.Sides = t.watch.program.Explain(t.watch.view)
	t.decide(reports.Failed, message, args...)
}

func (t *trial) now() string { return t.judge.clock(t.judge.simulation.Now()) }

// window is the time in which always and never count, in words.
func (t *trial) window() string {
	from, until := "from the start", "to the end"
	if t.spec.From.Step != "" {
		from = "from " + moment("the end of step", t.spec.From)
	}
	if t.spec.Until.Step != "" {
		until = "until " + moment("the beginning of step", t.spec.Until)
	}
	if t.spec.From.Step == "" && t.spec.Until.Step == "" {
		return "during the whole run"
	}
	return from + " " + until
}

func moment(what string, a format.After) string {
	if a.Pause == 0 {
		return what + " " + a.Step
	}
	return fmt.Sprintf("%v after %s %s", a.Pause, what, a.Step)
}

// concludeEventually follows the value: it must become true in time and stay so for stable.
func (t *trial) concludeEventually(ok bool) {
	now := t.judge.simulation.Now()
	switch {
	case ok && !t.holds:
		t.holds, t.heldSince = true, now
		if stable := t.spec.Stable.Duration(); stable > 0 {
			t.stableTimer = t.judge.after(stable, "it had held long enough", t.settle)
			return
		}
		t.held()
	case !ok && t.holds:
		t.holds = false
		t.lost, t.lostFrom, t.lostTo = true, t.heldSince, now
		t.judge.simulation.Cancel(t.stableTimer)
		if t.overdue {
			t.unfulfilled()
		}
	}
}

// settle is the end of the time for which it must keep holding.
func (t *trial) settle() {
	if t.watch.program.ReadsTime || t.watch.program.ReadsMetrics {
		t.look()
	}
	if !t.decided && t.holds {
		t.held()
	}
}

func (t *trial) held() {
	t.result.At = t.judge.seconds(t.heldSince)
	t.decide(reports.Held, "")
}

// expire is the end of within: what holds now may still have to prove that it stays.
func (t *trial) expire() {
	t.overdue = true
	t.look()
	if !t.decided && !t.holds {
		t.unfulfilled()
	}
}

func (t *trial) unfulfilled() {
	after := "the start"
	if t.spec.After.Step != "" {
		after = moment("the end of step", t.spec.After)
	}
	now := t.judge.simulation.Now()
	took := (now.Duration() - t.openedAt.Duration()).Round(time.Millisecond)
	message := fmt.Sprintf("still false at %s, %v after %s", t.now(), took, after)
	if t.spec.Within > 0 {
		message += fmt.Sprintf("; it must come true within %v", t.spec.Within)
	}
	if t.lost {
		message += fmt.Sprintf("; it held from %s to %s, which is less than %v", t.judge.clock(t.lostFrom), t.judge.clock(t.lostTo), t.spec.Stable)
	}
	if t.lastProblem != "" {
		message += ": " + t.lastProblem
	}
	t.fail("%s", message)
}

// needsTime reports whether a verdict is still to come once all steps have ended.
func (t *trial) needsTime() bool {
	switch {
	case t.decided:
		return false
	case t.kind == eventually:
		return true
	}
	return !t.opened || t.spec.Until.Step != ""
}

// finish decides at the end of the run.
func (t *trial) finish(e Ending) {
	switch {
	case t.decided:
	case !t.opened:
		t.decide(reports.NotSeen, "not decided: %s, before %s", e.why(), moment("the end of step", t.opener()))
	case t.kind != eventually && t.spec.Until.Step == "" && !e.Broken:
		t.close()
	case t.kind != eventually:
		t.decide(reports.NotSeen, "held so far, but %s", e.why())
	case e.TimedOut && !t.holds:
		t.look()
		if !t.decided && !t.holds {
			t.unfulfilled()
		}
	case t.holds:
		t.decide(reports.NotSeen, "held since %s, but %s before it had held for %v", t.judge.clock(t.heldSince), e.why(), t.spec.Stable)
	default:
		t.result.Sides = t.watch.program.Explain(t.watch.view)
		t.decide(reports.NotSeen, "not decided: it was false when %s", e.why())
	}
}

func (e Ending) why() string {
	if e.Why == "" {
		return "the run ended"
	}
	return e.Why
}
