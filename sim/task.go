package sim

import (
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Task is a coroutine of a process: code written straight down that parks on Waitables. It runs on the simulation's
// thread, one at a time. It implements context.Context with virtual deadlines and starts no goroutine that runs
// beside the simulation.
type Task struct {
	// The fields of every switch come first: they share two cache lines.
	process   *Process
	next      func() (struct{}, bool)
	yield     func(struct{}) bool
	timer     Timer
	id        uint64
	waits     []*waiter
	failure   *TaskPanic
	timedOut  bool
	resuming  bool
	started   bool
	running   bool
	ended     bool
	killed    bool
	bounded   bool
	condemned bool // Tells a coroutine that refuses to die to exit.
	swallows  int

	deadline Monotonic
	own      [4]waiter
	finished waitList

	name       string
	body       func(*Task)
	done       chan struct{} //sim:allow channel context.Context asks for one
	prevInList *Task
	nextInList *Task
}

// TaskPanic is what Run panics with when a task panicked: the value and the stack of the task.
type TaskPanic struct {
	Task  string
	Value any
	Stack string
}

func (p *TaskPanic) Error() string {
	return fmt.Sprintf("task %s panicked: %v\n%s", p.Task, p.Value, p.Stack)
}

// killSentinel unwinds a task of a dead incarnation.
type killSentinel struct{ task *Task }

func (k killSentinel) String() string { return "sim: task " + k.task.name + " was killed" }

// maxSwallows is how often a task may recover from its own death before it is reported and parked for good.
const maxSwallows = 3

// Go starts a task of this incarnation; its first step is an event at this instant. Start it with a name that says
// which loop it is. On a dead process the task never runs.
func (p *Process) Go(name string, body func(t *Task)) *Task {
	s := p.simulation
	s.checkKilled()
	s.tasks++
	t := &Task{process: p, name: name, id: s.tasks, body: body}
	if !p.alive {
		t.killed, t.ended = true, true
		return t
	}
	p.tasks.add(t)
	t.wake()
	return t
}

// Process returns the process that the task belongs to.
func (t *Task) Process() *Process { return t.process }

// Name returns the task's name.
func (t *Task) Name() string { return t.name }

// Ended reports whether the task has returned or was killed.
func (t *Task) Ended() bool { return t.ended }

// Ready implements Waitable: a task is ready when it has ended.
func (t *Task) Ready() bool { return t.ended }

func (t *Task) waiting() *waitList { return &t.finished }

// Sleep parks the task for d of its process's monotonic time; negative d counts as 0.
func (t *Task) Sleep(d time.Duration) {
	t.checkRunning()
	t.armTimeout(t.withinDeadline(max(d, 0)))
	for !t.timedOut {
		t.park()
	}
}

// Yield lets everything else that is due at this instant go first.
func (t *Task) Yield() {
	t.checkRunning()
	t.wake()
	t.park()
}

// Wait parks the task until one of ws is ready and returns its index, or -1 when timeout has passed first. A timeout
// below 0 (Forever) means none. Where several are ready it returns the lowest index, in Hunt mode a drawn one.
// It returns at once, without parking, where one is ready on entry.
func (t *Task) Wait(timeout time.Duration, ws ...Waitable) int {
	t.checkRunning()
	if i := t.pick(ws); i >= 0 {
		return i
	}
	t.timedOut = false
	if timeout = t.withinDeadline(timeout); timeout >= 0 {
		t.armTimeout(timeout)
	}
	for {
		t.enlist(ws)
		t.park()
		t.delist()
		if i := t.pick(ws); i >= 0 {
			t.process.Cancel(t.timer)
			handOn(ws, i)
			return i
		}
		if t.timedOut {
			return -1
		}
	}
}

func (t *Task) armTimeout(d time.Duration) {
	t.timedOut = false
	t.timer = t.process.At(d, 0, t.process.simulation.timeoutKind, t.id, t)
}

// pick chooses among what is ready; -1 where nothing is.
func (t *Task) pick(ws []Waitable) int {
	first, count := -1, 0
	for i, w := range ws {
		if w.Ready() {
			if first < 0 {
				first = i
			}
			count++
		}
	}
	s := t.process.simulation
	if count < 2 || s.config.Mode != Hunt {
		return first
	}
	skip := int(s.hunt.Uint64(purposePick) % uint64(count))
	for i := first; ; i++ {
		if ws[i].Ready() {
			if skip == 0 {
				return i
			}
			skip--
		}
	}
}

// handOn wakes the next task of those lists that woke this one although it takes another.
func handOn(ws []Waitable, taken int) {
	for i, w := range ws {
		if i != taken && w.Ready() {
			w.waiting().wakeOne()
		}
	}
}

func (t *Task) enlist(ws []Waitable) {
	for i, w := range ws {
		var place *waiter
		if i < len(t.own) {
			place = &t.own[i]
		} else {
			place = &waiter{}
		}
		place.task = t
		w.waiting().add(place)
		t.waits = append(t.waits, place)
	}
}

func (t *Task) delist() {
	for _, w := range t.waits {
		w.list.remove(w)
	}
	t.waits = t.waits[:0]
}

// wake schedules the task to go on at this instant (in Hunt mode: at some instant soon).
func (t *Task) wake() {
	if t.resuming || t.ended {
		return
	}
	t.resuming = true
	s := t.process.simulation
	s.schedule(s.now.Add(s.wakeDelay()), t.process, 0, s.resumeKind, t.id, t)
}

func resumeTask(_ uint64, ref any) {
	t := ref.(*Task)
	t.resuming = false
	if !t.ended {
		t.resume()
	}
}

func timeoutTask(_ uint64, ref any) {
	t := ref.(*Task)
	t.timedOut = true
	if !t.resuming && !t.ended { // This event is the wake-up.
		t.resume()
	}
}

// resume switches to the task until it parks or ends.
func (t *Task) resume() {
	s := t.process.simulation
	outer := s.task
	s.task = t
	if !t.started {
		t.started = true
		t.next, _ = iter.Pull(t.run)
	}
	t.running = true
	_, more := t.next()
	if more && t.swallows >= maxSwallows {
		t.leaveGoroutine()
		more = false
	}
	t.running, s.task = false, outer
	if !more {
		t.end()
	}
	if failure := t.failure; failure != nil {
		t.failure = nil
		panic(failure)
	}
}

// run is the root of the coroutine: it keeps the sentinel of a kill and any other panic from passing as is.
func (t *Task) run(yield func(struct{}) bool) {
	t.yield = yield
	defer func() {
		if t.condemned {
			return
		}
		if r := recover(); r != nil {
			if k, ok := r.(killSentinel); !ok || k.task != t {
				t.failure = &TaskPanic{Task: t.process.name + "/" + t.name, Value: r, Stack: string(debug.Stack())}
			}
		}
	}()
	t.body(t)
}

func (t *Task) end() {
	if t.ended {
		return
	}
	t.ended = true
	t.body = nil
	t.process.Cancel(t.timer)
	t.process.tasks.remove(t)
	t.closeDone()
	t.finished.wakeAll()
}

// park gives the thread back to the kernel until the task is resumed.
func (t *Task) park() {
	t.yield(struct{}{})
	if t.condemned {
		runtime.Goexit()
	}
	if t.killed {
		panic(killSentinel{t})
	}
}

// checkRunning guards the calls that only the running task itself may make.
func (t *Task) checkRunning() {
	s := t.process.simulation
	s.checkKilled()
	if s.task != t {
		panic("sim: a wait of task " + t.name + " was called from outside of it")
	}
}

// checkKilled panics again in a task that goes on after its kill: no simulated call may work for it.
func (s *Simulation) checkKilled() {
	if t := s.task; t != nil && t.killed {
		t.die()
	}
}

// die is reached by a killed task that makes a simulated call: in a deferred function, which is right, or because it
// recovered from the sentinel, which is not.
func (t *Task) die() {
	if t.condemned {
		runtime.Goexit()
	}
	if !unwinding() {
		t.swallows++
	}
	if t.swallows < maxSwallows {
		panic(killSentinel{t})
	}
	s := t.process.simulation
	s.swallowed = append(s.swallowed, t.process.name+"/"+t.name)
	t.yield(struct{}{}) // It comes back only to leave.
	runtime.Goexit()
}

// unwinding reports whether a panic is in progress on this stack.
func unwinding() bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "runtime.gopanic") {
			return true
		}
		if !more {
			return false
		}
	}
}

// Swallowed names the tasks that recovered from their own death three times.
func (s *Simulation) Swallowed() []string { return s.swallowed }

// killTasks ends the tasks of an incarnation. A task that is running (it called Kill, or something that did) ends at
// its next simulated call.
func (p *Process) killTasks() {
	for t := p.tasks.first; t != nil; {
		next := t.nextInList
		t.kill()
		t = next
		if t != nil && t.ended { // The unwinding of one ended the other.
			t = p.tasks.first
		}
	}
}

func (t *Task) kill() {
	t.killed = true
	switch {
	case !t.started:
		t.end()
	case t.running:
		return
	default:
		t.delistKilled()
		t.resume()
	}
}

// delistKilled takes a task out of all lists, handing on the wake-ups that were meant for it.
func (t *Task) delistKilled() {
	for _, w := range t.waits {
		list := w.list
		list.remove(w)
		if t.resuming {
			list.wakeOne()
		}
	}
	t.waits = t.waits[:0]
}

// leaveGoroutine makes the coroutine of a task that refuses to die exit. iter.Pull passes a Goexit on to whoever
// resumes the coroutine, so that has to be a goroutine of no importance.
func (t *Task) leaveGoroutine() {
	t.condemned = true
	gone := make(chan struct{}) //sim:allow channel the simulation stands still until the goroutine is gone
	//sim:allow goroutine see above
	go func() {
		defer close(gone)
		t.next()
	}()
	<-gone //sim:allow channel see above
}
