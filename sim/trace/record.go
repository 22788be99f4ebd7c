package trace

// Type says what a record stands for.
type Type uint8

const (
	// Step is an event that ran.
	Step Type = iota + 1
	// Fact is something observed during a step: the size of a message, the revision of a commit.
	Fact
	// Dropped is an event that was due for a process incarnation that had died.
	Dropped
	defineKind
	defineProcess
	end
)

func (t Type) String() string {
	switch t {
	case Step:
		return "step"
	case Fact:
		return "fact"
	case Dropped:
		return "dropped"
	}
	return "?"
}

// Record is one line of a trace.
type Record struct {
	// Time is in virtual nanoseconds since the start.
	Time int64
	// Step is the number of the event; a fact carries the number of the step that it was observed in.
	Step uint64
	// Cause is the step that scheduled this one, 0 where nobody inside did. In a fact it is the second value.
	Cause uint64
	// Num is the event's argument, or the fact's first value.
	Num         uint64
	Process     uint32
	Incarnation uint32
	Lane        uint32
	Kind        uint16
	Type        Type
}

// Header opens a trace and says what produced it.
type Header struct {
	// Binary is the version and build of the program.
	Binary string `json:"binary"`
	Seed   uint64 `json:"seed"`
	Mode   string `json:"mode"`
	// Scenario is the hash of the scenario, in hex.
	Scenario string `json:"scenario"`
	// Start is the wall time at virtual time 0, RFC 3339.
	Start string `json:"start"`
}
