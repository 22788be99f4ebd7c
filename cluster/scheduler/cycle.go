package scheduler

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// attempt is one pod's way through the scheduler, from Pop to its binding or failure.
type attempt struct {
	s     *Scheduler
	fw    *runtime.Framework
	cycle *framework.Cycle
	// pod is the queue's entry; once assumed, with the pod as on its node.
	pod    *framework.QueuedPodInfo
	start  sim.Monotonic
	result runtime.Result
}

// scheduleOne takes a popped pod through the serial part and hands it on to be bound.
func (s *Scheduler) scheduleOne(t *sim.Task, pod *framework.QueuedPodInfo) {
	if s.inGroup(pod.Pod) {
		s.scheduleGroup(t, pod)
		return
	}
	fw := s.profiles[pod.Pod.Spec.SchedulerName]
	if fw == nil || s.skip(pod.Pod) {
		s.queue.Done(pod.Pod.UID)
		return
	}
	s.config.Stopwatch.start()
	s.cache.UpdateSnapshot(s.snapshot)
	s.metrics.CacheSize(s.cache.Counts())
	a := s.newAttempt(pod)
	if status, nominate := a.decide(t); !status.IsSuccess() {
		a.fail(t, status, nominate)
		return
	}
	if status := a.assume(); !status.IsSuccess() {
		a.fail(t, status, clearNomination)
		return
	}
	waits, status := a.permit()
	if !status.IsSuccess() {
		a.fail(t, status, clearNomination)
		return
	}
	s.queue.Activate(a.cycle.TakeActivations()...)
	a.bind(waits)
}

// skip reports whether a popped pod need not be scheduled: it is being deleted, or was assumed while an update brought it back.
func (s *Scheduler) skip(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil {
		note := fmt.Sprintf("skip schedule deleting pod: %v/%v", pod.Namespace, pod.Name)
		s.events.Eventf(pod, nil, corev1.EventTypeWarning, "FailedScheduling", "Scheduling", note)
		return true
	}
	return s.cache.IsAssumed(pod)
}

// clearNomination tells the failure handler that the pod waits for room on no node.
var clearNomination = &framework.NominatingInfo{}

// decide looks for a node, or for what preemption can do, and takes the time that it costs.
func (a *attempt) decide(t *sim.Task) (*framework.Status, *framework.NominatingInfo) {
	status, nominate, work := a.compute()
	a.charge(t, work)
	a.publish(t)
	a.s.metrics.Algorithm.Observe(a.age())
	return status, nominate
}

// publish does what was computed, and waits for what the loop has to wait for.
func (a *attempt) publish(t *sim.Task) {
	a.cycle.Publish()
	if a.cycle.Held() {
		var released sim.Signal
		a.cycle.OnRelease(released.Set)
		t.Wait(sim.Forever, &released)
	}
}

// compute is decide without its time: it changes nothing that others see.
func (a *attempt) compute() (*framework.Status, *framework.NominatingInfo, runtime.Work) {
	s := a.s
	found := s.algorithm.Schedule(a.fw, a.cycle)
	if found.Diagnosis == nil && found.Err == nil && s.config.Decided != nil {
		s.config.Decided(Decision{a.fw.ProfileName(), a.pod.PodInfo, found.Result, s.algorithm.Scores()})
	}
	var status *framework.Status
	nominate := clearNomination
	switch {
	case errors.Is(found.Err, runtime.ErrNoNodesAvailable):
		status = framework.NewStatus(framework.UnschedulableAndUnresolvable).WithError(found.Err)
	case found.Err != nil:
		status = framework.AsStatus(found.Err)
	case found.Diagnosis != nil:
		status, nominate = a.postFilter(found.Diagnosis)
	default:
		a.result = found.Result
	}
	s.config.Stopwatch.stop()
	if a.wanted() {
		a.explain(s.scoredSlots(), status)
	}
	return status, nominate, found.Work
}

// charge takes the CPU time of what was computed, extension point by extension point.
func (a *attempt) charge(t *sim.Task, w runtime.Work) {
	s, profile := a.s, a.fw.ProfileName()
	s.process.Compute(t, s.ops.cycle, 1)
	for _, part := range []struct {
		ops   []host.Op
		nodes int
		point string
	}{{[]host.Op{s.ops.filter}, w.Filtered, "Filter"}, {s.ops.score[profile], w.Scored, "Score"}, {[]host.Op{s.ops.preempt}, a.cycle.DryRuns, "PostFilter"}} {
		if part.nodes == 0 {
			continue
		}
		began := s.process.Monotonic()
		for _, op := range part.ops {
			s.process.Compute(t, op, int64(part.nodes))
		}
		s.metrics.ExtensionPoint(part.point, framework.Success, profile, time.Duration(s.process.Monotonic()-began))
	}
}

// postFilter asks whether room can be made, and says in the end why the pod fits nowhere.
func (a *attempt) postFilter(d *framework.Diagnosis) (*framework.Status, *framework.NominatingInfo) {
	nominate := clearNomination
	if a.fw.HasPostFilter() {
		proposal, status := a.fw.PostFilter(a.cycle, d.Statuses)
		d.PostFilterMessage = status.Message()
		nominate = proposal
	}
	return a.unfit(framework.Unschedulable, d, a.cycle.Snapshot.Len()), nominate
}

func (a *attempt) unfit(code framework.Code, d *framework.Diagnosis, nodes int) *framework.Status {
	return framework.NewStatus(code).WithError(&framework.FitError{
		Message: d.Message(nodes), UnschedulablePlugins: d.UnschedulablePlugins, PendingPlugins: d.PendingPlugins,
	})
}

// assume counts the pod as on its node, and lets plugins reserve what it needs there.
func (a *attempt) assume() *framework.Status {
	s, node := a.s, a.result.Node
	assumed := api.Shallow(a.pod.Pod)
	assumed.Spec.NodeName = node
	entry := *a.pod
	entry.PodInfo = s.symbols.With(a.pod.PodInfo, assumed)
	a.pod = &entry
	a.cycle.Pod = entry.PodInfo
	if err := s.cache.AssumePod(entry.PodInfo); err != nil {
		return framework.AsStatus(err)
	}
	s.queue.RemoveNomination(assumed)
	if status := a.fw.Reserve(a.cycle, node); !status.IsSuccess() {
		a.unreserve()
		return a.rejectedHere(status)
	}
	return nil
}

// permit asks for leave to bind.
func (a *attempt) permit() ([]runtime.PermitWait, *framework.Status) {
	waits, status := a.fw.Permit(a.cycle, a.result.Node)
	if status.IsSuccess() || status.IsWait() {
		return waits, nil
	}
	a.unreserve()
	return nil, a.rejectedHere(status)
}

// rejectedHere turns a refusal of the chosen node into the message that users know.
func (a *attempt) rejectedHere(status *framework.Status) *framework.Status {
	if !status.IsRejected() {
		return status
	}
	slots := len(a.cycle.Snapshot.Nodes)
	d := &framework.Diagnosis{Statuses: framework.NewNodeStatuses(slots)}
	d.Statuses.Set(a.result.Slot, status)
	if status.Plugin() != "" {
		id := a.s.names.ID(status.Plugin())
		d.UnschedulablePlugins = d.UnschedulablePlugins.With(id)
		if status.Code() == framework.Pending {
			d.PendingPlugins = d.PendingPlugins.With(id)
		}
	}
	return a.unfit(status.Code(), d, 1)
}

// unreserve undoes assume.
func (a *attempt) unreserve() {
	a.fw.Unreserve(a.cycle, a.result.Node)
	_ = a.s.cache.ForgetPod(a.pod.Pod) // an error means that its binding was seen: it stays
}

// age is how long ago the attempt began.
func (a *attempt) age() time.Duration { return time.Duration(a.s.process.Monotonic() - a.start) }
