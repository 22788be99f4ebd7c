package etcd

import "fmt"

// Guarantee is what a store promises however often its machines crash and its network fails, as long as no more disks
// lose what they had made durable than a minority. The text of the promise is what an error says when it is broken.
type Guarantee string

// The guarantees of agreement, always checked, with a number a log entry: package lineage.
const (
	OneLeaderATerm      Guarantee = "in each term at most one member leads"
	LogMatching         Guarantee = "logs that agree on the term of an index are equal up to it"
	LeaderCompleteness  Guarantee = "what is committed is in the log of every later leader"
	StateMachineSafety  Guarantee = "every member applies the same entries in the same order with the same results"
	SnapshotsAreHistory Guarantee = "a member starts from a state that the store has been in"
)

// Violation is a guarantee that was found broken.
type Violation struct {
	Guarantee Guarantee
	// Found says who did what.
	Found string
}

func (v *Violation) Error() string { return fmt.Sprintf("etcd: broken: %s: %s", v.Guarantee, v.Found) }

// broken reports a violation.
func (c *Canonical) broken(g Guarantee, format string, args ...any) {
	c.violated(&Violation{g, fmt.Sprintf(format, args...)})
}
