package gpushare

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// learner takes the workload from the pods that come.
type learner struct {
	workload *policies.Workload
	census   policies.Census
	met      map[types.UID]bool
	// next is at how many pods the workload is taken anew.
	next int
}

func newLearner(w *policies.Workload) *learner {
	return &learner{workload: w, census: policies.Census{}, met: map[types.UID]bool{}, next: 1}
}

// meet counts a pod, once.
func (l *learner) meet(uid types.UID, p *policies.Pod) {
	if !l.met[uid] {
		l.met[uid] = true
		l.census.Add(p)
	}
}

// learn takes the workload anew if enough pods have come since it was last, and reports whether it did.
func (l *learner) learn() bool {
	if len(l.met) < l.next {
		return false
	}
	l.next = len(l.met) + 1 + len(l.met)/10
	l.workload.Learn(l.census.Typical())
	return true
}
