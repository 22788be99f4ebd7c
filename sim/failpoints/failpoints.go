// Package failpoints plants bugs in one simulation, to show that they are found.
//
// A failpoint is a name. Whoever runs a simulation enables it before anything starts; the part that has the bug asks once,
// when it starts, and keeps the answer, so that a bug that is not planted costs a look at a bool. The set belongs to
// the simulation: others in the same process, and the process itself, know nothing of it.
//
//	failpoints.Plant(s, "etcd/stale-read")
//	...
//	bug := failpoints.Planted(p, "etcd/stale-read")
package failpoints

import (
	"fmt"

	"github.com/pingcap/failpoint"
)

// Bug is a mistake that can be planted: what it is, and upstream's issue where there was one. Its name is a failpoint's.
type Bug struct{ Name, Issue, What string }

// Holder is a simulation, or one of its processes.
type Holder interface {
	Attach(key string, make func() any) any
}

// Of returns the failpoints of a simulation.
func Of(h Holder) *failpoint.Failpoints {
	return h.Attach("failpoints", func() any { return &failpoint.Failpoints{} }).(*failpoint.Failpoints)
}

// Plant enables a failpoint.
func Plant(h Holder, name string) {
	if err := Of(h).Enable(name, "return(true)"); err != nil {
		panic(fmt.Sprintf("failpoints: %s: %v", name, err))
	}
}

// Planted reports whether a failpoint is enabled.
func Planted(h Holder, name string) bool {
	value, err := Of(h).Eval(name)
	return err == nil && value == true
}
