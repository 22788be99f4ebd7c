package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/check"
	"github.com/fauxkube/fauxkube/cluster/etcd/wal"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/scenarios/judge"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/store"
)

// storeLoad is a run on the store alone:
//
//	boot      until a member leads and answers
//	steps     the clients work from here on, and the faults come and go
//	the end   when all steps are over and the last fault has been lifted, the clients stop; then the store must take
//	          a write, answer everything, and all members and watchers must come to the same
type storeLoad struct {
	run     *run
	spec    *format.Store
	checker *check.Checker
	load    *store.Load
	ending  bool
}

// maxDriftPPM is as fast as clock-skew may have a clock run.
const maxDriftPPM = 100_000

// How long the store may take: until it takes a write again after the last fault, which an election decides, and until
// everybody knows everything, which a snapshot to a member that was away may need.
const (
	progressLimit = time.Minute
	equalLimit    = 3 * time.Minute
	storeLook     = 500 * time.Millisecond
)

func storeTopology(s *format.Store, t *cluster.Topology) {
	t.NodePools = nil
	t.ControlPlane.StoreOnly, t.ControlPlane.APIServers = true, 0
	t.ControlPlane.SnapshotEntries = uint64(s.SnapshotEntries)
}

func newStoreLoad(r *run) *storeLoad {
	x := &storeLoad{run: r, spec: r.plan.scenario.Spec.Store}
	x.checker = check.New(r.simulation, r.cluster.Canonical(), check.Options{MaxDriftPPM: maxDriftPPM})
	x.checker.OnViolation(func(error) { r.end(judge.Ending{}) }) // What comes after it says nothing.
	r.cluster.OnMemberFailure(x.failed)
	return x
}

// failed notes a member that found that its disk had lost something: that of one that does not tell the truth.
func (x *storeLoad) failed(f cluster.MemberFailure) {
	if errors.Is(f.Err, etcd.ErrLostEntries) {
		x.checker.Report(&etcd.Violation{Guarantee: check.MembersRemember, Found: fmt.Sprintf("%s: %v", f.Host, f.Err)})
	}
}

// boot waits for a leader that answers.
func (x *storeLoad) boot() {
	r := x.run
	r.operator().Go("boot", func(t *sim.Task) {
		answers := t.Within(bootLimit(0), func() {
			x.until(t, func(done func(error)) {
				r.cluster.Etcdctl().Range(&etcd.RangeRequest{Key: "key"}, func(_ *etcd.RangeResponse, err error) { done(err) })
			})
		})
		if !answers {
			r.fail("no member of the store leads after %v", bootLimit(0))
			return
		}
		r.begin()
	})
}

// until asks until there is an answer, or the task's time is up.
func (x *storeLoad) until(t *sim.Task, call func(done func(error))) {
	for x.ask(t, call) != nil && t.Err() == nil {
		t.Sleep(storeLook)
	}
}

func (x *storeLoad) ask(t *sim.Task, call func(done func(error))) error {
	var answer sim.Future[struct{}]
	call(func(err error) { answer.Set(struct{}{}, err) })
	_, err := answer.Await(t, sim.Forever)
	return err
}

// begin sets the clients to work.
func (x *storeLoad) begin() {
	c := x.run.cluster
	x.load = store.Start(store.World{
		Simulation: x.run.simulation, Network: c.Network(), Members: c.EtcdAddresses(), Checker: x.checker, Metrics: c.Metrics(),
		Region: c.Topology().ControlPlane.Region,
	}, store.Config{
		Clients: x.spec.Clients, RequestsPerSecond: x.spec.RequestsPerSecond, Keys: x.spec.Keys, ValueBytes: int(x.spec.ValueSize), Watchers: x.spec.Watchers,
	})
	if d := x.spec.Duration.Duration(); d > 0 {
		x.run.simulation.World().After(d, x.run.consider)
	}
}

// considerEnd ends the run when the steps are over: the run's consider calls it.
func (x *storeLoad) considerEnd() {
	if x.ending || x.run.now() < x.spec.Duration.Duration() {
		return
	}
	x.ending = true
	x.run.operator().Go("end", x.end)
}

func (x *storeLoad) end(t *sim.Task) {
	x.load.Stop()
	r := x.run
	takes := t.Within(progressLimit, func() {
		x.until(t, func(done func(error)) {
			r.cluster.Etcdctl().Put(&etcd.PutRequest{Key: "key", Value: etcd.Bytes("last")}, func(_ *etcd.PutResponse, err error) { done(err) })
		})
	})
	if lost := x.lost(); 2*len(lost) >= len(r.cluster.EtcdMembers()) {
		gone, _ := x.checker.Loss(r.cluster.EtcdMembers())
		x.checker.Report(&etcd.Violation{Guarantee: check.LossIsLimited, Found: fmt.Sprintf("%d of %d have (%s): %s",
			len(lost), len(r.cluster.EtcdMembers()), strings.Join(lost, "; "), gone)})
	}
	if !takes {
		x.checker.Report(&etcd.Violation{Guarantee: check.ProgressIsMade, Found: fmt.Sprintf("no write succeeds within %v of the last fault's end", progressLimit)})
	}
	limit := equalLimit
	for ; limit > 0 && x.checker.Unsettled(r.cluster.EtcdMembers()) != nil; limit -= storeLook {
		t.Sleep(storeLook)
	}
	x.checker.Finish(r.cluster.EtcdMembers())
	r.end(judge.Ending{})
}

// lost says which members are down because their disks have lost something, and what they said.
func (x *storeLoad) lost() (all []string) {
	c := x.run.cluster
	for i, p := range c.EtcdProcesses() {
		name := p.Machine().Name()
		var last error
		for _, f := range c.MemberFailures() {
			if f.Host == name {
				last = f.Err
			}
		}
		loss := errors.Is(last, etcd.ErrBootstrapped) || errors.Is(last, etcd.ErrLostEntries) || errors.Is(last, wal.ErrDamaged)
		if m := c.EtcdMembers()[i]; loss && (m == nil || !m.Serving()) {
			all = append(all, fmt.Sprintf("%s: %v", name, last))
		}
	}
	return all
}

// report adds what the clients saw.
func (x *storeLoad) report(to *reports.Report) {
	for _, v := range x.checker.Violations() {
		to.Findings = append(to.Findings, reports.Finding{Object: "store", Message: v.Error()})
	}
	if gone, lost := x.checker.Loss(x.run.cluster.EtcdMembers()); lost && x.forgot() {
		to.Findings = append(to.Findings, reports.Finding{Object: "store", Message: "data loss: " + gone})
	}
	if x.load == nil {
		return
	}
	got := x.checker.Stats()
	load := &reports.StoreLoad{
		Answered: got.Answered, Failed: got.Failed, Refused: got.Refused, Events: got.Events, Bookmarks: got.Bookmarks,
		Renewals: got.Renewals, Expiries: got.Expiries,
	}
	for _, f := range x.run.cluster.MemberFailures() {
		load.AddExit(*x.run.seconds(f.At), f.Host, f.Err.Error())
	}
	for _, e := range x.run.cluster.Canonical().Elections() {
		load.Elections = append(load.Elections, reports.Election{At: *x.run.seconds(e.Time), Term: e.Term, Member: e.Member})
	}
	for _, w := range x.load.Windows() {
		load.Windows = append(load.Windows, x.window(load, w))
	}
	to.StoreLoad = load
}

// forgot reports whether members have come to differ from what was agreed upon.
func (x *storeLoad) forgot() bool {
	return slices.ContainsFunc(x.checker.Violations(), func(err error) bool {
		var v *etcd.Violation
		return errors.As(err, &v) && (v.Guarantee == etcd.LeaderCompleteness || v.Guarantee == etcd.StateMachineSafety || v.Guarantee == etcd.SnapshotsAreHistory)
	})
}

// window is one row: what was answered, how fast, who came to lead, and which faults were at work.
func (x *storeLoad) window(load *reports.StoreLoad, w store.Window) reports.StoreWindow {
	from, to := w.At.Seconds(), (w.At + store.WindowSpan).Seconds()
	row := reports.StoreWindow{
		At: from, Answered: w.Answered, Failed: w.Failed, PerSecond: float64(w.Answered) / store.WindowSpan.Seconds(),
		WriteP50: ms(w.Write.Quantile(.5)), WriteP99: ms(w.Write.Quantile(.99)), ReadP50: ms(w.Read.Quantile(.5)), ReadP99: ms(w.Read.Quantile(.99)),
	}
	for _, e := range load.Elections {
		if e.At >= from && e.At < to {
			row.Leaders = append(row.Leaders, e.Member)
		}
	}
	for _, s := range x.run.steps {
		if s.hasBegan && x.run.since(s.began).Seconds() < to && x.run.since(s.faultEnd(x.run.simulation.Now())).Seconds() >= from {
			row.Faults = append(row.Faults, s.ID)
		}
	}
	return row
}

// faultEnd is when a fault was lifted, or had done what it does.
func (s *step) faultEnd(now sim.Time) sim.Time {
	switch {
	case !s.hasEnded:
		return now
	case s.fault != nil && s.fault.Duration > 0:
		return s.ended.Add(s.fault.Duration)
	default:
		return s.ended
	}
}
