package sim

import (
	"errors"
	"time"
)

// Waitable is anything that a task can park on. It is level-triggered: Ready is asked before parking and again after
// each wake-up. Types outside of this package become waitable by embedding a Signal.
type Waitable interface {
	// Ready reports whether a wait on it would return at once.
	Ready() bool
	waiting() *waitList
}

// waitList holds the tasks parked on one Waitable, in order of arrival.
type waitList struct {
	head, tail *waiter
}

// waiter is one task's place in one list. It lives inside the task.
type waiter struct {
	task       *Task
	list       *waitList
	prev, next *waiter
}

func (l *waitList) add(w *waiter) {
	w.list, w.prev, w.next = l, l.tail, nil
	if l.tail != nil {
		l.tail.next = w
	} else {
		l.head = w
	}
	l.tail = w
}

func (l *waitList) remove(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.tail = w.prev
	}
	w.list, w.prev, w.next = nil, nil, nil
}

func (l *waitList) wakeAll() {
	for w := l.head; w != nil; w = w.next {
		w.task.wake()
	}
}

// wakeOne wakes the first task that is not on its way already.
func (l *waitList) wakeOne() {
	for w := l.head; w != nil; w = w.next {
		if !w.task.resuming {
			w.task.wake()
			return
		}
	}
}

// Signal is a flag that tasks can wait for. The zero value is clear and ready to use.
type Signal struct {
	set     bool
	waiters waitList
}

// Set raises the flag and wakes everybody who waits for it.
func (g *Signal) Set() {
	if !g.set {
		g.set = true
		g.waiters.wakeAll()
	}
}

// Clear lowers the flag.
func (g *Signal) Clear() { g.set = false }

// IsSet reports whether the flag is up.
func (g *Signal) IsSet() bool { return g.set }

// Ready implements Waitable.
func (g *Signal) Ready() bool { return g.set }

func (g *Signal) waiting() *waitList { return &g.waiters }

// Queue is an unbounded first-in, first-out queue; it is ready while it holds something. The zero value is empty.
type Queue[T any] struct {
	items   []T
	head    int
	waiters waitList
}

// Push appends an item and wakes one waiting task.
func (q *Queue[T]) Push(item T) {
	q.items = append(q.items, item)
	q.waiters.wakeOne()
}

// Pop takes the first item; false where there is none.
func (q *Queue[T]) Pop() (T, bool) {
	var zero T
	if q.head == len(q.items) {
		return zero, false
	}
	item := q.items[q.head]
	q.items[q.head] = zero
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	} else if q.head > 32 && q.head*2 > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return item, true
}

// First is the item that Pop would take; there must be one.
func (q *Queue[T]) First() T { return q.items[q.head] }

// Take waits until there is an item and takes it.
func (q *Queue[T]) Take(t *Task) T {
	for {
		if item, ok := q.Pop(); ok {
			return item
		}
		t.Wait(Forever, q)
	}
}

// Len counts the items.
func (q *Queue[T]) Len() int { return len(q.items) - q.head }

// Ready implements Waitable.
func (q *Queue[T]) Ready() bool { return q.head < len(q.items) }

func (q *Queue[T]) waiting() *waitList { return &q.waiters }

// ErrTimeout is returned by a wait that ended without its event.
var ErrTimeout = errors.New("sim: timed out")

// Future is a value that arrives once. The zero value is waiting for it.
type Future[T any] struct {
	value  T
	err    error
	signal Signal
}

// Set gives the future its value or error. A second call panics: one of the two answers would be lost.
func (f *Future[T]) Set(value T, err error) {
	if f.signal.set {
		panic("sim: a Future was set twice")
	}
	f.value, f.err = value, err
	f.signal.Set()
}

// Done reports whether the value has arrived.
func (f *Future[T]) Done() bool { return f.signal.set }

// Get returns what Set was given; zero values before that.
func (f *Future[T]) Get() (T, error) { return f.value, f.err }

// Await parks t until the value is there. It returns ErrTimeout after timeout; see Task.Wait for Forever.
func (f *Future[T]) Await(t *Task, timeout time.Duration) (T, error) {
	if t.Wait(timeout, f) < 0 {
		var zero T
		return zero, ErrTimeout
	}
	return f.value, f.err
}

// Ready implements Waitable.
func (f *Future[T]) Ready() bool { return f.signal.set }

func (f *Future[T]) waiting() *waitList { return &f.signal.waiters }

// Alarm is a timer that tasks can wait for: ready from the moment it went off until it is set anew or stopped.
type Alarm struct {
	Signal
	process *Process
	timer   Timer
}

// NewAlarm returns an alarm of this process that is not set.
func (p *Process) NewAlarm() *Alarm { return &Alarm{process: p} }

// Reset makes the alarm go off d from now and at no other time.
func (a *Alarm) Reset(d time.Duration) {
	a.Stop()
	a.timer = a.process.At(d, 0, a.process.simulation.alarmKind, 0, a)
}

// Stop switches the alarm off and makes it not ready.
func (a *Alarm) Stop() {
	a.process.Cancel(a.timer)
	a.timer = Timer{}
	a.Clear()
}

func fireAlarm(_ uint64, ref any) { ref.(*Alarm).Set() }
