package queue

import (
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// strategy is how soon a pod should be tried again.
type strategy uint8

const (
	skip strategy = iota
	afterBackoff
	immediately
)

// requeue puts a pod where the strategy says and returns that place. A pod whose back-off is over goes straight to active.
func (q *Queue) requeue(i *item, s strategy, event string) place {
	switch {
	case s == skip:
		q.toUnschedulable(i, event)
	case s == afterBackoff && q.isBackingOff(i.info):
		q.toBackoff(i, event)
	default:
		q.toActive(i, event, false)
	}
	return i.place
}

// toActive makes a pod active, unless a PreEnqueue plugin gates it. Pods that come from backoff were asked when they went there.
func (q *Queue) toActive(i *item, event string, fromBackoff bool) {
	if !fromBackoff && !q.preEnqueue(i.info) {
		if i.place == nowhere || i.place == inUnschedulable {
			q.toUnschedulable(i, event)
		}
		return
	}
	if i.info.InitialAttempt == 0 {
		i.info.InitialAttempt = q.config.Now()
	}
	q.enter(i, inActive, Active, event)
	if event == framework.EventUnscheduledPodAdd.Label() || event == framework.EventUnscheduledPodUpdate.Label() {
		q.nominator.add(i.info.PodInfo, nil)
	}
	q.config.Ready()
}

// toBackoff lets a pod wait, unless a PreEnqueue plugin gates it.
func (q *Queue) toBackoff(i *item, event string) {
	if !q.preEnqueue(i.info) {
		q.toUnschedulable(i, event)
		return
	}
	where := inBackoff
	if i.info.Rejectors() == 0 || q.inGroup(i.info.Pod) {
		where = inErrorBackoff
	}
	q.enter(i, where, Backoff, event)
	q.askForFlush(q.backoffTime(i.info).Add(backoffWindow))
	q.config.Ready()
}

// toUnschedulable keeps a pod until an event, or until it has waited too long.
func (q *Queue) toUnschedulable(i *item, event string) {
	queue := Unschedulable
	if i.info.Gated() {
		queue = Gated
	}
	q.enter(i, inUnschedulable, queue, event)
	if !i.info.Gated() {
		q.expectLeftover(i.info)
	}
}

// preEnqueue asks the plugins that may gate a pod, the one that gated it last first, and notes the answer.
func (q *Queue) preEnqueue(info *framework.QueuedPodInfo) bool {
	plugins := q.config.Profiles[info.Pod.Spec.SchedulerName].PreEnqueue
	gating := info.GatingPlugin
	for _, p := range plugins {
		if gating != framework.NoPlugin && q.config.Plugins.ID(p.Name()) == gating && !q.passes(p, info) {
			return false
		}
	}
	for _, p := range plugins {
		if (gating == framework.NoPlugin || q.config.Plugins.ID(p.Name()) != gating) && !q.passes(p, info) {
			return false
		}
	}
	info.GatingPlugin = framework.NoPlugin
	return true
}

func (q *Queue) passes(p framework.PreEnqueuePlugin, info *framework.QueuedPodInfo) bool {
	if p.PreEnqueue(info.Pod).IsSuccess() {
		return true
	}
	id := q.config.Plugins.ID(p.Name())
	if !info.Rejectors().Has(id) {
		q.config.Metrics.Unschedulable(id, info.Pod.Spec.SchedulerName, 1)
	}
	info.UnschedulablePlugins = info.UnschedulablePlugins.With(id)
	info.GatingPlugin = id
	return false
}

// enter moves an item to a place. Metrics count an arrival only if the pod was not there already.
func (q *Queue) enter(i *item, where place, queue, event string) {
	arrives := i.place != where
	q.take(i)
	if replaced := q.items[keyOf(i.info.Pod)]; replaced != nil {
		q.take(replaced)
	}
	q.items[keyOf(i.info.Pod)] = i
	i.place = where
	if where == inUnschedulable {
		q.unschedulable.add(i)
	} else {
		q.heapOf(where).push(i)
	}
	i.counted = queue
	q.config.Metrics.Pending(queue, 1)
	if arrives {
		if queue == Gated {
			queue = Unschedulable
		}
		q.config.Metrics.Incoming(queue, event)
	}
}

// take removes an item from wherever it is.
func (q *Queue) take(i *item) {
	switch i.place {
	case nowhere:
		return
	case inUnschedulable:
		q.unschedulable.remove(i)
	default:
		q.heapOf(i.place).remove(i)
	}
	q.config.Metrics.Pending(i.counted, -1)
	delete(q.items, keyOf(i.info.Pod))
	i.place = nowhere
}

func (q *Queue) heapOf(p place) *heap {
	switch p {
	case inActive:
		return &q.active
	case inBackoff:
		return &q.backoff
	default:
		return &q.errorBackoff
	}
}

func (q *Queue) countRejectors(info *framework.QueuedPodInfo, change int64) {
	info.Rejectors().Each(func(id framework.PluginID) {
		q.config.Metrics.Unschedulable(id, info.Pod.Spec.SchedulerName, change)
	})
}
