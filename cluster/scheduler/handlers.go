package scheduler

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// watch makes the informers and hands what they say to cache and queue.
func (s *Scheduler) watch() {
	s.known = newInformers(s.client, s.config.PodGroups)
	s.known.pods.OnEvent(client.Handler{
		Add:                      func(o api.Object) { s.podAdded(o.(*corev1.Pod)) },
		Update:                   func(before, after api.Object) { s.podUpdated(before.(*corev1.Pod), after.(*corev1.Pod)) },
		Delete:                   func(o api.Object) { s.podDeleted(o.(*corev1.Pod)) },
		DeletedFinalStateUnknown: func(last api.Object) { s.podVanished(last.(*corev1.Pod)) },
	})
	s.known.nodes.OnEvent(client.Handler{
		Add:    func(o api.Object) { s.nodeAdded(o.(*corev1.Node)) },
		Update: func(before, after api.Object) { s.nodeUpdated(before.(*corev1.Node), after.(*corev1.Node)) },
		Delete: func(o api.Object) { s.nodeDeleted(o.(*corev1.Node)) },
	})
	s.watchStorage()
	if s.config.PodGroups {
		s.known.groups.OnEvent(client.Handler{Add: func(o api.Object) {
			s.chargeEvent()
			s.queue.Move(framework.ClusterEvent{Resource: framework.PodGroup, Action: framework.Add}, nil, o, nil)
		}})
	}
}

// chargeEvent bills an informer's event; nobody waits for it.
func (s *Scheduler) chargeEvent() { s.process.Charge(s.ops.event, 1, 0, s.eventKind, 0, nil) }

func (s *Scheduler) nodeAdded(node *corev1.Node) {
	s.chargeEvent()
	s.cache.AddNode(node)
	s.queue.Move(framework.EventNodeAdd, nil, node, nil)
}

func (s *Scheduler) nodeUpdated(before, after *corev1.Node) {
	s.chargeEvent()
	s.cache.UpdateNode(before, after)
	for _, event := range framework.NodeUpdates(before, after) {
		s.queue.Move(event, before, after, nil)
	}
}

func (s *Scheduler) nodeDeleted(node *corev1.Node) {
	s.chargeEvent()
	s.queue.Move(framework.EventNodeDelete, node, nil, nil)
	_ = s.cache.RemoveNode(node) // an error means that it was not there: nothing to do
}

func isAssigned(pod *corev1.Pod) bool { return pod.Spec.NodeName != "" }

// isOurs reports whether the pod asked for one of our profiles.
func (s *Scheduler) isOurs(pod *corev1.Pod) bool { return s.profiles[pod.Spec.SchedulerName] != nil }

func (s *Scheduler) podAdded(pod *corev1.Pod) {
	s.chargeEvent()
	switch {
	case isAssigned(pod):
		s.assignedAdded(pod)
	case s.isOurs(pod):
		s.cache.Groups.Add(pod)
		s.queue.Add(pod)
		if s.config.GangScheduling {
			s.queue.Move(framework.EventUnscheduledPodAdd, nil, pod, nil)
		}
	}
}

func (s *Scheduler) podUpdated(before, after *corev1.Pod) {
	s.chargeEvent()
	switch {
	case isAssigned(before):
		s.assignedUpdated(before, after)
	case isAssigned(after):
		s.assignedAdded(after)
		if s.isOurs(before) {
			s.queue.Delete(before) // in case another scheduler was faster
		}
	case s.isOurs(before):
		s.unassignedUpdated(before, after)
	}
}

func (s *Scheduler) podDeleted(pod *corev1.Pod) {
	s.chargeEvent()
	switch {
	case isAssigned(pod):
		s.assignedDeleted(pod)
	case s.isOurs(pod):
		s.unassignedDeleted(pod)
	}
}

// podVanished handles a pod whose end nobody saw: its last known state may be out of date.
func (s *Scheduler) podVanished(last *corev1.Pod) {
	s.chargeEvent()
	s.assignedDeleted(last)
	if s.isOurs(last) {
		s.unassignedDeleted(last)
	}
}

func (s *Scheduler) assignedAdded(pod *corev1.Pod) {
	_ = s.cache.AddPod(pod) // an error means that it is there already
	s.queue.Move(framework.EventAssignedPodAdd, nil, pod, nil)
}

func (s *Scheduler) assignedUpdated(before, after *corev1.Pod) {
	_ = s.cache.UpdatePod(after) // an error means that it is not there
	for _, event := range framework.PodUpdates(before, after) {
		s.queue.Move(event, before, after, nil)
	}
}

func (s *Scheduler) assignedDeleted(pod *corev1.Pod) {
	_ = s.cache.RemovePod(pod) // an error means that it was not there
	s.queue.Move(framework.EventAssignedPodDelete, pod, nil, nil)
}

func (s *Scheduler) unassignedUpdated(before, after *corev1.Pod) {
	if before.ResourceVersion == after.ResourceVersion {
		return
	}
	s.cache.Groups.Update(after)
	if s.cache.IsAssumed(after) {
		if after.DeletionTimestamp != nil && before.DeletionTimestamp == nil {
			s.assumedDeleted(after)
		}
		return
	}
	s.queue.Update(before, after)
	if was := before.Status.NominatedNodeName; was != "" && was != after.Status.NominatedNodeName {
		s.roomFor(before)
	}
}

func (s *Scheduler) unassignedDeleted(pod *corev1.Pod) {
	s.queue.Delete(pod)
	s.cache.Groups.Remove(pod)
	if s.cache.IsAssumed(pod) {
		s.assumedDeleted(pod)
	} else if pod.Status.NominatedNodeName != "" {
		s.roomFor(pod)
	}
}

// roomFor tells pods of no higher priority that a nominated pod no longer takes room: to them it counted as if assigned.
func (s *Scheduler) roomFor(nominated *corev1.Pod) {
	priority := framework.Priority(nominated)
	s.queue.Move(framework.EventAssignedPodDelete, nominated, nil, func(pod *corev1.Pod) bool {
		return framework.Priority(pod) <= priority
	})
}

// assumedDeleted frees what a pod holds that is deleted while it is being bound. One that waits at Permit is rejected and
// cleans up after itself; the binding of another goes on and fails.
func (s *Scheduler) assumedDeleted(pod *corev1.Pod) {
	assumed := s.cache.Pod(pod)
	if assumed == nil {
		return
	}
	if !s.reject(assumed.UID, "", "removed") {
		_ = s.cache.ForgetPod(assumed) // an error means that it was bound meanwhile
	}
	s.queue.Move(framework.EventAssignedPodDelete, assumed, nil, nil)
}
