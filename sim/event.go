package sim

import (
	"fmt"
	"time"
)

// Kind names a sort of event and is the registered handler's number. It appears in traces and digests.
type Kind uint16

// Lane orders events of one instant: those of one lane run in the order in which they were scheduled, in every mode.
// Lane 0 promises nothing.
type Lane uint32

// Timer is the handle of a scheduled event. The zero Timer refers to none.
type Timer struct {
	slot       uint32
	generation uint32
}

// IsZero reports whether the handle was never armed.
func (t Timer) IsZero() bool { return t.generation == 0 }

// Handler runs an event. num is part of the digest, ref is the payload by reference and is not.
type Handler func(num uint64, ref any)

type kindEntry struct {
	name    string
	handler Handler
}

// event is the payload of a queue entry, kept in a slot that is used again once the event has run or was cancelled.
type event struct {
	ref         any
	num         uint64
	cause       uint64
	owner       *Process
	incarnation uint32
	generation  uint32
	lane        Lane
	kind        Kind
}

// Kind registers an event kind, or returns the earlier registration of the same name. The handler must take
// everything it works on from ref: with several processes of one sort, only the first one's handler is kept.
func (s *Simulation) Kind(name string, handler func(num uint64, ref any)) Kind {
	if k, ok := s.kindByName[name]; ok {
		return k
	}
	if len(s.kinds) > 1<<16-1 {
		panic("sim: more than 65,535 event kinds")
	}
	k := Kind(len(s.kinds))
	s.kinds = append(s.kinds, kindEntry{name: name, handler: handler})
	s.kindByName[name] = k
	s.traceKind(k, name)
	return k
}

// KindName returns the name under which k was registered.
func (s *Simulation) KindName(k Kind) string { return s.kinds[k].name }

// NewLane returns a lane of its own.
func (s *Simulation) NewLane() Lane {
	s.lanes++
	return s.lanes
}

// At schedules an event at a true virtual time, owned by the process whose event is running now (by none outside of
// one). It does not allocate if ref is a pointer. It panics if at has passed.
func (s *Simulation) At(at Time, lane Lane, k Kind, num uint64, ref any) Timer {
	return s.schedule(at, s.process, lane, k, num, ref)
}

// After runs fn after d of virtual time. It allocates: use it in tests and where nothing is hot.
func (s *Simulation) After(d time.Duration, fn func()) Timer {
	return s.At(s.now.Add(max(d, 0)), 0, s.closureKind, 0, fn)
}

func runClosure(_ uint64, ref any) { ref.(func())() }

func (s *Simulation) schedule(at Time, owner *Process, lane Lane, k Kind, num uint64, ref any) Timer {
	if at < s.now {
		panic(fmt.Sprintf("sim: event %s scheduled for %v, which is before now, %v", s.kinds[k].name, at, s.now))
	}
	s.checkKilled()
	slot := s.takeSlot()
	e := &s.slots[slot]
	e.ref, e.num, e.cause, e.owner, e.lane, e.kind = ref, num, s.step, owner, lane, k
	if owner != nil {
		e.incarnation = owner.incarnation
	}
	s.queue.push(entry{at: at, slot: slot, generation: e.generation})
	return Timer{slot: slot, generation: e.generation}
}

func (s *Simulation) takeSlot() uint32 {
	if n := len(s.freeSlots); n > 0 {
		slot := s.freeSlots[n-1]
		s.freeSlots = s.freeSlots[:n-1]
		return slot
	}
	s.slots = appendDoubling(s.slots, event{generation: 1})
	return uint32(len(s.slots) - 1)
}

func (s *Simulation) releaseSlot(slot uint32) {
	e := &s.slots[slot]
	e.ref, e.owner = nil, nil
	e.generation++
	if e.generation == 0 { // The zero Timer must stay the handle of nothing.
		e.generation = 1
	}
	s.freeSlots = append(s.freeSlots, slot)
	s.queue.live--
}

// Cancel removes a scheduled event and frees its payload. It reports false if the event has run, was cancelled, or
// the handle is zero. It takes constant time.
func (s *Simulation) Cancel(t Timer) bool {
	if t.generation == 0 || s.slots[t.slot].generation != t.generation {
		return false
	}
	s.releaseSlot(t.slot)
	s.queue.dead++
	// More corpses than the living: sweeping now costs each of them a constant.
	if s.queue.dead > s.queue.live+sweepFloor {
		s.queue.sweep(s.entryAlive)
	}
	return true
}

// Scheduled reports whether the event is still to run.
func (s *Simulation) Scheduled(t Timer) bool {
	return t.generation != 0 && s.slots[t.slot].generation == t.generation
}

// sweepFloor keeps small queues from being swept at every cancellation.
const sweepFloor = 1024

func (s *Simulation) entryAlive(e entry) bool { return s.slots[e.slot].generation == e.generation }
