package cache

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// PodGroups keeps where the pods of each group are. Nil keeps nothing (feature gate GenericWorkload off).
type PodGroups struct {
	groups map[types.NamespacedName]*podGroup
}

// NewPodGroups returns an empty table.
func NewPodGroups() *PodGroups {
	return &PodGroups{groups: map[types.NamespacedName]*podGroup{}}
}

// podGroup is a group's pods by UID: framework.PodGroupState.
type podGroup struct{ members map[types.UID]*member }

type member struct {
	pod   *corev1.Pod
	stage stage
}

type stage uint8

const (
	unscheduled stage = iota
	assumed
	assigned
)

func keyOf(pod *corev1.Pod) types.NamespacedName {
	return types.NamespacedName{Namespace: pod.Namespace, Name: framework.GroupOf(pod)}
}

// State returns a group; nil if it has no pods.
func (g *PodGroups) State(namespace, name string) framework.PodGroupState {
	if group := g.groups[types.NamespacedName{Namespace: namespace, Name: name}]; group != nil {
		return group
	}
	return nil
}

// Add takes in an unassigned pod.
func (g *PodGroups) Add(pod *corev1.Pod) { g.set(pod, unscheduled, true) }

// Update takes in an unassigned pod's newer version.
func (g *PodGroups) Update(pod *corev1.Pod) {
	if m := g.member(pod); m != nil {
		m.pod = pod
	}
}

// Remove forgets a pod that is gone.
func (g *PodGroups) Remove(pod *corev1.Pod) {
	if g.member(pod) == nil {
		return
	}
	group := g.groups[keyOf(pod)]
	delete(group.members, pod.UID)
	if len(group.members) == 0 {
		delete(g.groups, keyOf(pod))
	}
}

// move notes a known pod's new stage. One that was removed meanwhile stays so.
func (g *PodGroups) move(pod *corev1.Pod, to stage) { g.set(pod, to, false) }

func (g *PodGroups) set(pod *corev1.Pod, to stage, create bool) {
	if g == nil || framework.GroupOf(pod) == "" {
		return
	}
	if m := g.member(pod); m != nil {
		m.stage = to
		return
	}
	if !create {
		return
	}
	group := g.groups[keyOf(pod)]
	if group == nil {
		group = &podGroup{members: map[types.UID]*member{}}
		g.groups[keyOf(pod)] = group
	}
	group.members[pod.UID] = &member{pod, to}
}

func (g *PodGroups) member(pod *corev1.Pod) *member {
	if g == nil || framework.GroupOf(pod) == "" {
		return nil
	}
	if group := g.groups[keyOf(pod)]; group != nil {
		return group.members[pod.UID]
	}
	return nil
}

func (g *podGroup) AllPods() int { return len(g.members) }

func (g *podGroup) ScheduledPods() int {
	n := 0
	//sim:unordered counts
	for _, m := range g.members {
		if m.stage != unscheduled {
			n++
		}
	}
	return n
}

func (g *podGroup) Unscheduled() []*corev1.Pod {
	var pods []*corev1.Pod
	//sim:unordered sorted below
	for _, m := range g.members {
		if m.stage == unscheduled {
			pods = append(pods, m.pod)
		}
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods
}

func (g *podGroup) Assumed() []types.UID {
	var uids []types.UID
	//sim:unordered sorted below
	for uid, m := range g.members {
		if m.stage == assumed {
			uids = append(uids, uid)
		}
	}
	slices.Sort(uids)
	return uids
}
