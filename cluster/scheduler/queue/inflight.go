package queue

import "k8s.io/apimachinery/pkg/types"

// inFlight is a log of pods that started and of changes, oldest first. A pod that comes back is judged by the changes behind
// its start; the log is cut up to the oldest pod still in flight.
type inFlight struct {
	entries []flightEntry
	dropped int // entries cut from the front
	starts  map[types.UID]int
}

// flightEntry is a start (uid set), a change, or a start whose pod is done (neither).
type flightEntry struct {
	uid    types.UID
	change *change
}

func newInFlight() inFlight { return inFlight{starts: map[types.UID]int{}} }

func (f *inFlight) has(uid types.UID) bool {
	_, flying := f.starts[uid]
	return flying
}

func (f *inFlight) start(uid types.UID) {
	f.starts[uid] = f.dropped + len(f.entries)
	f.entries = append(f.entries, flightEntry{uid: uid})
}

func (f *inFlight) log(c change) { f.entries = append(f.entries, flightEntry{change: &c}) }

func (f *inFlight) logIfAny(c change) {
	if len(f.starts) > 0 {
		f.log(c)
	}
}

// since visits the changes behind a pod's start until visit returns false.
func (f *inFlight) since(uid types.UID, visit func(change) bool) {
	start, flying := f.starts[uid]
	if !flying {
		return
	}
	for _, e := range f.entries[start-f.dropped+1:] {
		if e.change != nil && !visit(*e.change) {
			return
		}
	}
}

func (f *inFlight) end(uid types.UID) {
	start, flying := f.starts[uid]
	if !flying {
		return
	}
	delete(f.starts, uid)
	f.entries[start-f.dropped] = flightEntry{}
	cut := 0
	for cut < len(f.entries) && f.entries[cut].uid == "" {
		f.entries[cut] = flightEntry{}
		cut++
	}
	f.dropped += cut
	f.entries = f.entries[cut:]
	if len(f.entries) == 0 {
		f.entries = nil
	}
}
