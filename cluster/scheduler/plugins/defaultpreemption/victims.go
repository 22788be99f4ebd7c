package defaultpreemption

import (
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// dryRun is a copy of a node on which pods are removed and added back.
type dryRun struct {
	runner framework.Runner
	cycle  *framework.Cycle
	node   *framework.NodeInfo
	now    time.Time
}

// selectVictims finds a smallest set of pods that must go for the pod to fit: it removes all pods of lower priority, and
// then adds back those that may stay, first those that budgets protect, each time the most important first.
func (d *dryRun) selectVictims(b *budgets) (victims []*framework.PodInfo, violations int, status *framework.Status) {
	var lower []*framework.PodInfo
	for _, p := range d.node.Pods {
		if p.Priority() < d.cycle.Pod.Priority() {
			lower = append(lower, p)
		}
	}
	for _, p := range lower {
		if status := d.remove(p); !status.IsSuccess() {
			return nil, 0, status
		}
	}
	if len(lower) == 0 {
		return nil, 0, errNoVictims
	}
	if status := d.fits(); !status.IsSuccess() {
		return nil, 0, status
	}
	d.sort(lower)
	guarded, free := b.split(lower)
	if victims, status = d.reprieve(guarded, nil); !status.IsSuccess() {
		return nil, 0, status
	}
	violations = len(victims)
	if victims, status = d.reprieve(free, victims); !status.IsSuccess() {
		return nil, 0, status
	}
	if len(guarded) > 0 && len(free) > 0 {
		d.sort(victims)
	}
	return victims, violations, nil
}

// reprieve adds pods back, one by one, as long as the new pod still fits, and appends the others to the victims.
func (d *dryRun) reprieve(pods, victims []*framework.PodInfo) ([]*framework.PodInfo, *framework.Status) {
	for _, p := range pods {
		d.node.AddPod(p)
		if status := d.runner.AddPod(d.cycle, p, d.node); !status.IsSuccess() {
			return nil, status
		}
		if d.fits().IsSuccess() {
			continue
		}
		if status := d.remove(p); !status.IsSuccess() {
			return nil, status
		}
		victims = append(victims, p)
	}
	return victims, nil
}

func (d *dryRun) fits() *framework.Status { return d.runner.FilterWithNominated(d.cycle, d.node) }

func (d *dryRun) remove(p *framework.PodInfo) *framework.Status {
	if _, err := d.node.RemovePod(p.Pod); err != nil {
		return framework.AsStatus(err)
	}
	return d.runner.RemovePod(d.cycle, p, d.node)
}

// sort orders pods by importance. Upstream's sort is not stable, and the same one is used, so that equals end up alike.
func (d *dryRun) sort(pods []*framework.PodInfo) {
	sort.Slice(pods, func(i, j int) bool { return moreImportant(pods[i].Pod, pods[j].Pod, d.now) })
}

// moreImportant: the higher priority, and of equals the one that has run longer.
func moreImportant(a, b *corev1.Pod, now time.Time) bool {
	if pa, pb := framework.Priority(a), framework.Priority(b); pa != pb {
		return pa > pb
	}
	return startTime(a, now).Before(startTime(b, now))
}

// startTime is when a pod was started; one that has not been counts from now.
func startTime(pod *corev1.Pod, now time.Time) time.Time {
	if pod.Status.StartTime != nil {
		return pod.Status.StartTime.Time
	}
	return now
}
