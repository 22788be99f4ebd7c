package client

import (
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// The defaults of Kubernetes' components (component-base config/v1alpha1) and client-go's jitter on the time between
// tries to acquire, in thousandths (tools/leaderelection JitterFactor 1.2).
const (
	DefaultLeaseDuration = 15 * time.Second
	DefaultRenewDeadline = 10 * time.Second
	DefaultRetryPeriod   = 2 * time.Second
	electionJitterMilli  = 1200
)

// LeaderConfig describes an election.
type LeaderConfig struct {
	// Namespace and Name are the Lease's.
	Namespace, Name string
	// Identity tells candidates apart: host name, underscore, something unique.
	Identity string
	// LeaseDuration is how long a candidate waits since it last saw the lease change before it takes over;
	// RenewDeadline how long a leader tries to renew before it gives up; RetryPeriod the time between tries. 0 is 15 s,
	// 10 s and 2 s.
	LeaseDuration, RenewDeadline, RetryPeriod time.Duration
	// ReleaseOnCancel gives the lease up when the election is stopped, so that the next leader need not wait.
	ReleaseOnCancel bool
	// OnStartedLeading is called when the lease is ours; it must not park.
	OnStartedLeading func()
	// OnStoppedLeading is called when the election ends, whether it was ever won or not. Upstream's components exit.
	OnStoppedLeading func()
	// OnNewLeader is called when another leader than before is seen, itself included.
	OnNewLeader func(identity string)
	// Recorder, if set, writes the LeaderElection events.
	Recorder *Recorder
	Metrics  *metrics.Registry
}

// LeaderElection is a candidate in an election.
type LeaderElection struct {
	config  LeaderConfig
	process *host.Process
	lock    leaseLock
	draws   *sim.Stream
	task    *sim.Task
	stop    sim.Signal
	leading *metrics.Gauge

	// The record last seen and when we saw it change, on our own monotonic clock: other hosts' clocks are not trusted.
	observed   electionRecord
	observedAt sim.Monotonic
	lastRead   *electionRecord // as read from the server, unlike observed, which our own writes move too
	reported   string
	over       bool
}

// RunLeaderElection starts a task that runs for leader, leads while it can renew, and ends when it cannot. The client
// should time out before RenewDeadline: upstream gives it half of that.
func RunLeaderElection(p *host.Process, c *Client, config LeaderConfig) *LeaderElection {
	e := &LeaderElection{
		config: config.withDefaults(), process: p,
		lock:  leaseLock{client: c, namespace: config.Namespace, name: config.Name},
		draws: streamOf(p, "election/"+config.Namespace+"/"+config.Name),
	}
	if config.Metrics != nil {
		e.leading = config.Metrics.Gauge("leader_election_master_status", "name", config.Name)
		e.leading.Set(0)
	}
	e.task = p.Go("leader-election", e.run)
	return e
}

func (c LeaderConfig) withDefaults() LeaderConfig {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&c.LeaseDuration, DefaultLeaseDuration)
	set(&c.RenewDeadline, DefaultRenewDeadline)
	set(&c.RetryPeriod, DefaultRetryPeriod)
	if c.LeaseDuration <= c.RenewDeadline || c.RenewDeadline <= c.RetryPeriod*electionJitterMilli/1000 || c.Identity == "" {
		panic(fmt.Sprintf("client: leader election needs an identity and lease %v > renew %v > 1.2 retry %v",
			c.LeaseDuration, c.RenewDeadline, c.RetryPeriod))
	}
	return c
}

// Stop ends the candidacy, or the leadership.
func (e *LeaderElection) Stop() { e.stop.Set() }

// IsLeader reports whether the last record seen names us.
func (e *LeaderElection) IsLeader() bool { return !e.over && e.observed.holder == e.config.Identity }

// Leader is who the last record seen names.
func (e *LeaderElection) Leader() string { return e.observed.holder }

// Task is the election's task; it ends with the election.
func (e *LeaderElection) Task() *sim.Task { return e.task }

func (e *LeaderElection) run(t *sim.Task) {
	if e.acquire(t) {
		e.becomeLeader()
		e.renew(t)
		e.resign(t)
	}
	e.over = true
	if e.config.OnStoppedLeading != nil {
		e.config.OnStoppedLeading()
	}
}

func (e *LeaderElection) becomeLeader() {
	e.record("became leader")
	if e.leading != nil {
		e.leading.Set(1)
	}
	if e.config.OnStartedLeading != nil {
		e.config.OnStartedLeading()
	}
}

// resign ends a leadership that could not be renewed or was stopped.
func (e *LeaderElection) resign(t *sim.Task) {
	if e.leading != nil {
		e.leading.Set(0)
	}
	if e.config.ReleaseOnCancel {
		t.Within(e.config.RenewDeadline, func() { e.release(t) })
	}
	e.record("stopped leading")
}

// acquire tries until the lease is ours; it reports false when stopped.
func (e *LeaderElection) acquire(t *sim.Task) bool {
	for !e.stop.IsSet() {
		won := e.tryAcquireOrRenew(t)
		e.reportTransition()
		if won {
			return true
		}
		t.Wait(jitter(e.draws, purposeElection, e.config.RetryPeriod, electionJitterMilli), &e.stop)
	}
	return false
}

// renew returns when the lease could not be renewed within RenewDeadline, or when stopped.
func (e *LeaderElection) renew(t *sim.Task) {
	for !e.stop.IsSet() {
		renewed := false
		t.Within(e.config.RenewDeadline, func() { renewed = e.renewOnce(t) })
		e.reportTransition()
		if !renewed {
			return
		}
		t.Wait(e.config.RetryPeriod, &e.stop)
	}
}

// renewOnce tries every RetryPeriod until it succeeds, is stopped, or the task's deadline comes.
func (e *LeaderElection) renewOnce(t *sim.Task) bool {
	for !e.stop.IsSet() && t.Err() == nil {
		started := e.process.Monotonic()
		if e.tryAcquireOrRenew(t) {
			return true
		}
		// Tries are a RetryPeriod apart however long each takes (wait.PollUntilContextTimeout ticks).
		t.Wait(max(e.config.RetryPeriod-e.process.Monotonic().Sub(started), 0), &e.stop)
	}
	return false
}

// tryAcquireOrRenew is one try.
func (e *LeaderElection) tryAcquireOrRenew(t *sim.Task) bool {
	now := e.process.Monotonic()
	record := e.ownRecord()
	if e.IsLeader() && e.leaseValid(now) { // Hope that nobody has written since: saves reading.
		record.acquired, record.transitions = e.observed.acquired, e.observed.transitions
		if e.lock.update(t, record) == nil {
			e.observe(record)
			return true
		}
	}
	old, err := e.lock.get(t)
	if apierrors.IsNotFound(err) {
		return e.write(record, e.lock.create(t, record))
	}
	if err != nil {
		return false
	}
	e.observeRead(old)
	if old.holder != "" && e.leaseValid(now) && !e.IsLeader() {
		return false
	}
	if e.IsLeader() {
		record.acquired, record.transitions = old.acquired, old.transitions
	} else {
		record.transitions = old.transitions + 1
	}
	return e.write(record, e.lock.update(t, record))
}

func (e *LeaderElection) ownRecord() electionRecord {
	now := NowMicro(e.process).Time
	return electionRecord{
		holder: e.config.Identity, seconds: int32(e.config.LeaseDuration / time.Second), acquired: now, renewed: now,
	}
}

// write takes over what was written, if it was.
func (e *LeaderElection) write(record electionRecord, err error) bool {
	if err == nil {
		e.observe(record)
	}
	return err == nil
}

// observeRead notes a record that was read. Its time counts from when we first saw it so.
func (e *LeaderElection) observeRead(r electionRecord) {
	if e.lastRead == nil || !e.lastRead.equal(r) {
		e.observe(r)
		e.lastRead = &r
	}
}

func (e *LeaderElection) observe(r electionRecord) {
	e.observed, e.observedAt = r, e.process.Monotonic()
}

// leaseValid reports whether the record seen last may still be in force. now is from before the lease was read, as upstream.
func (e *LeaderElection) leaseValid(now sim.Monotonic) bool {
	return e.observedAt.Add(time.Duration(e.observed.seconds)*time.Second) > now
}

// release gives the lease up: no holder, and a second to run.
func (e *LeaderElection) release(t *sim.Task) {
	old, err := e.lock.get(t)
	if err != nil || e.observed.holder != e.config.Identity {
		return
	}
	record := e.ownRecord()
	record.holder, record.seconds, record.transitions = "", 1, old.transitions
	e.write(record, e.lock.update(t, record))
}

func (e *LeaderElection) reportTransition() {
	if e.observed.holder == e.reported {
		return
	}
	e.reported = e.observed.holder
	if e.config.OnNewLeader != nil {
		e.config.OnNewLeader(e.reported)
	}
}

func (e *LeaderElection) record(what string) {
	if e.config.Recorder != nil && e.lock.lease != nil {
		e.config.Recorder.Event(e.lock.lease, "Normal", "LeaderElection", e.config.Identity+" "+what)
	}
}
