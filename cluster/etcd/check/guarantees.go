package check

import (
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/etcd"
)

// What the store promises its clients. The text of the promise is what an error says when it is broken.
const (
	AppliedAsTheModel etcd.Guarantee = "an entry does to the store what it does to the model"
	OnceAtMost        etcd.Guarantee = "a request takes effect once at most, and never if it was refused"
	CommittedFirst    etcd.Guarantee = "what is answered has been committed, after the call and before the answer"
	AnsweredRight     etcd.Guarantee = "every answer is the model's at its place in the log"
	ReadsAreRecent    etcd.Guarantee = "a linearizable read is not older than what was committed when it was asked"
	RefusedWithReason etcd.Guarantee = "a request is refused only for a reason"
	LeasesLast        etcd.Guarantee = "a lease lives for its whole time after each renewal"
	NothingHangs      etcd.Guarantee = "every request is answered in the end"
	MembersAreEqual   etcd.Guarantee = "when faults have ended, all members come to hold the same, and everything acknowledged"
	ProgressIsMade    etcd.Guarantee = "when faults have ended, the store takes writes again"
	MembersRemember   etcd.Guarantee = "a member remembers what it has acknowledged"
	LossIsLimited     etcd.Guarantee = "no more than a minority of the members lose what was on their disks"
	WatchersCatchUp   etcd.Guarantee = "when faults have ended, every watcher comes to know everything"
)

// maxViolations is how many are kept: the first ones tell the story.
const maxViolations = 20

// Report takes a violation in, also those that others found: the canonical log, the streams of watches.
func (k *Checker) Report(err error) {
	k.stats.Violations++
	if len(k.violations) < maxViolations {
		k.violations = append(k.violations, err)
	}
	if k.onViolation != nil {
		k.onViolation(err)
	}
}

func (k *Checker) broken(g etcd.Guarantee, format string, args ...any) {
	k.Report(&etcd.Violation{Guarantee: g, Found: fmt.Sprintf(format, args...)})
}

// OnViolation has f called at each violation, as it is found.
func (k *Checker) OnViolation(f func(error)) { k.onViolation = f }

// Violations are those found so far, the first of them where there are many.
func (k *Checker) Violations() []error { return k.violations }
