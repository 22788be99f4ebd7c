package fairness

import "time"

// The work estimators' constants (k8s.io/apiserver/pkg/util/flowcontrol/request).
const (
	bytesPerSeat = 100_000
	// streamedListBytes is what a list served from the cache holds at once: its encoding is streamed.
	streamedListBytes = 1_000_000
	// unknownObjectBytes stands for the size of objects of which none was measured: etcd's limit.
	unknownObjectBytes = 1_500_000
	maxListSeats       = 100
	maxMutatingSeats   = 10
	watchesPerSeat     = 10
	eventDuration      = 5 * time.Millisecond
)

// Work is how much of the server a request takes: seats while it executes, and seats that linger after its answer.
type Work struct {
	Seats      int
	FinalSeats int
	Linger     time.Duration
}

// ListShape is what the width of a list, or of the initial events of a watch, depends on.
type ListShape struct {
	Objects   int64 // stored objects of the resource
	Bytes     int64 // their size in all
	Limit     int64
	Selective bool // has a label or field selector
	FromCache bool
	Single    bool // names one object
}

// ListWork estimates the seats of a list.
func ListWork(s ListShape, levelMax int) Work {
	loaded := s.Objects
	if s.Limit > 0 && s.Limit < loaded {
		loaded = s.Limit
	}
	switch {
	case s.Single:
		loaded = 1
	case !s.FromCache && s.Selective:
		loaded = max(loaded, s.Objects/2)
	}
	size := int64(unknownObjectBytes)
	if s.Objects > 0 && s.Bytes > 0 {
		size = s.Bytes / s.Objects
	} else if s.Objects == 0 {
		size = 0
	}
	memory := loaded * size
	if s.FromCache {
		memory = min(memory, streamedListBytes)
	}
	seats := int((memory + bytesPerSeat - 1) / bytesPerSeat)
	return Work{Seats: clamp(seats, 1, bounded(levelMax, maxListSeats))}
}

// WriteWork estimates the seats of a write that wakes the given number of watchers.
func WriteWork(watchers, levelMax int) Work {
	w := Work{Seats: 1}
	if watchers < watchesPerSeat {
		return w
	}
	seats := (watchers + watchesPerSeat - 1) / watchesPerSeat
	w.FinalSeats = min(seats, bounded(levelMax, maxMutatingSeats))
	w.Linger = eventDuration * time.Duration(seats) / time.Duration(w.FinalSeats)
	return w
}

// bounded is the level's own bound on a request's seats, or the global one where the level has none.
func bounded(levelMax, limit int) int {
	if levelMax == 0 || levelMax > limit {
		return limit
	}
	return levelMax
}

func clamp(v, low, high int) int { return max(low, min(v, high)) }
