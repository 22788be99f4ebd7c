package sim

import (
	"context"
	"time"
)

var _ context.Context = (*Task)(nil)

// Deadline implements context.Context. The time is that of the process's wall clock.
func (t *Task) Deadline() (time.Time, bool) {
	if !t.bounded {
		return time.Time{}, false
	}
	left := t.deadline.Sub(t.process.Monotonic())
	return t.process.Wall().Time().Add(left), true
}

// Done implements context.Context. The channel is closed when the task ends; code of ours never selects on it.
//
//sim:allow channel context.Context asks for one
func (t *Task) Done() <-chan struct{} {
	if t.done == nil {
		t.done = make(chan struct{}) //sim:allow channel context.Context asks for one
		if t.ended {
			close(t.done)
		}
	}
	return t.done
}

func (t *Task) closeDone() {
	if t.done != nil {
		close(t.done)
	}
}

// Err implements context.Context: nil while the task may go on, context.DeadlineExceeded past the deadline of Within,
// context.Canceled when it is being killed.
func (t *Task) Err() error {
	switch {
	case t.killed || t.ended:
		return context.Canceled
	case t.bounded && t.process.Monotonic() >= t.deadline:
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context; a task carries no values.
func (t *Task) Value(any) any { return nil }

// Within runs fn with a deadline d from now: no wait inside of it lasts longer. It reports whether the deadline was
// kept. An earlier deadline that is already in force stays.
func (t *Task) Within(d time.Duration, fn func()) bool {
	t.checkRunning()
	deadline := t.process.Monotonic().Add(d)
	outer, wasBounded := t.deadline, t.bounded
	if !wasBounded || deadline < outer {
		t.deadline, t.bounded = deadline, true
	}
	defer func() { t.deadline, t.bounded = outer, wasBounded }()
	fn()
	return t.process.Monotonic() < deadline
}

// withinDeadline shortens a timeout to what the deadline in force leaves.
func (t *Task) withinDeadline(timeout time.Duration) time.Duration {
	if !t.bounded {
		return timeout
	}
	left := max(t.deadline.Sub(t.process.Monotonic()), 0)
	if timeout < 0 {
		return left
	}
	return min(timeout, left)
}

// taskList holds the living tasks of a process in order of their start.
type taskList struct {
	first, last *Task
}

func (l *taskList) add(t *Task) {
	t.prevInList = l.last
	if l.last != nil {
		l.last.nextInList = t
	} else {
		l.first = t
	}
	l.last = t
}

func (l *taskList) remove(t *Task) {
	if t.prevInList != nil {
		t.prevInList.nextInList = t.nextInList
	} else {
		l.first = t.nextInList
	}
	if t.nextInList != nil {
		t.nextInList.prevInList = t.prevInList
	} else {
		l.last = t.prevInList
	}
}
