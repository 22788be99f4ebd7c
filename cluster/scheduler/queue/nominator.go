package queue

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// nominator remembers which pods wait for room on which node: what the API objects say may be behind.
type nominator struct {
	queue  *Queue
	byNode map[string][]nominee
	nodeOf map[types.UID]string
}

type nominee struct {
	key types.NamespacedName
	uid types.UID
}

func newNominator(q *Queue) nominator {
	return nominator{queue: q, byNode: map[string][]nominee{}, nodeOf: map[types.UID]string{}}
}

// Nominate sets or clears a pod's nomination; nil info keeps what the pod's status says.
func (q *Queue) Nominate(pod *framework.PodInfo, info *framework.NominatingInfo) {
	q.nominator.add(pod, info)
}

// RemoveNomination forgets a pod's nomination.
func (q *Queue) RemoveNomination(pod *corev1.Pod) { q.nominator.remove(pod) }

// HasNominated reports whether any pod is nominated anywhere.
func (q *Queue) HasNominated() bool { return len(q.nominator.nodeOf) > 0 }

// NominatedPods returns the pods nominated to a node, oldest nomination first, as they wait in the queue. One that is in
// flight counts as a bare name, as upstream.
func (q *Queue) NominatedPods(node string) []*framework.PodInfo {
	nominees := q.nominator.byNode[node]
	if len(nominees) == 0 {
		return nil
	}
	pods := make([]*framework.PodInfo, len(nominees))
	for n, nominee := range nominees {
		if i := q.items[nominee.key]; i != nil {
			pods[n] = i.info.PodInfo
			continue
		}
		pods[n] = &framework.PodInfo{Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: nominee.key.Namespace, Name: nominee.key.Name, UID: nominee.uid,
		}}}
	}
	return pods
}

func (n *nominator) add(info *framework.PodInfo, nominate *framework.NominatingInfo) {
	pod := info.Pod
	n.remove(pod)
	node := pod.Status.NominatedNodeName
	if nominate != nil {
		node = nominate.Node
	}
	if node == "" {
		return
	}
	if current := n.queue.config.Pod(pod.Namespace, pod.Name); current == nil || current.Spec.NodeName != "" {
		return // gone, or already assigned
	}
	n.nodeOf[pod.UID] = node
	n.byNode[node] = append(n.byNode[node], nominee{key: keyOf(pod), uid: pod.UID})
}

// update follows a pod's new version. An update that knows of no nomination on either side does not end one that was made in
// memory and is not written yet.
func (n *nominator) update(before *corev1.Pod, after *framework.PodInfo) {
	var keep *framework.NominatingInfo
	if before.Status.NominatedNodeName == "" && after.Pod.Status.NominatedNodeName == "" {
		if node, nominated := n.nodeOf[before.UID]; nominated {
			keep = &framework.NominatingInfo{Node: node}
		}
	}
	n.remove(before)
	n.add(after, keep)
}

func (n *nominator) remove(pod *corev1.Pod) {
	node, nominated := n.nodeOf[pod.UID]
	if !nominated {
		return
	}
	delete(n.nodeOf, pod.UID)
	n.byNode[node] = slices.DeleteFunc(n.byNode[node], func(x nominee) bool { return x.uid == pod.UID })
	if len(n.byNode[node]) == 0 {
		delete(n.byNode, node)
	}
}
