package kubelet

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// pleg is the pod life-cycle event generator: every second it compares what the runtime has with what it had, updates
// the cache that syncs read, and wakes the pods whose containers have changed. A second in which nothing happened is
// left out.
type pleg struct {
	kubelet *Kubelet
	dirty   []types.UID
	marked  map[types.UID]bool
	planned bool
	waiters []*worker // syncs that want to see newer data
}

// mark notes that a pod has changed in the runtime.
func (g *pleg) mark(uid types.UID) {
	if g.marked == nil {
		g.marked = map[types.UID]bool{}
	}
	if !g.marked[uid] {
		g.marked[uid] = true
		g.dirty = append(g.dirty, uid)
	}
	g.await()
}

// await plans the next relist.
func (g *pleg) await() {
	if g.planned {
		return
	}
	g.planned = true
	k := g.kubelet
	k.process.At(k.untilTick(relistPeriod), 0, k.kinds.relist, 0, k)
}

// fresh reports whether the cache of a pod is newer than its last sync.
func (g *pleg) fresh(w *worker) bool {
	if w.lastSync == 0 || w.seenAt >= w.lastSync {
		return true
	}
	return !g.marked[w.uid] && g.kubelet.lastTick(relistPeriod) >= w.lastSync
}

// relistDue is the turn of the loop: pods that changed are looked at, then those that waited go on.
func relistDue(_ uint64, ref any) {
	k := ref.(*Kubelet)
	g := &k.pleg
	g.planned = false
	if !k.runtime.Up() {
		g.await() // the list fails; the next turn tries again
		return
	}
	dirty := g.dirty
	g.dirty = nil
	if len(dirty) > 0 {
		// The cost is charged beside the work: the loop does not wait for a free core here.
		k.process.ChargeFunc(k.ops.relist, int64(len(dirty)), func() {})
	}
	for _, uid := range dirty {
		g.look(uid)
	}
	waiters := g.waiters
	g.waiters = nil
	for _, w := range waiters {
		w.seenAt = k.now()
		w.run()
	}
}

// relist looks at one pod at once: after a sync that did something.
func (g *pleg) relist(uid types.UID) {
	if g.kubelet.runtime.Up() {
		g.look(uid)
	}
}

// look compares one pod, and wakes it if a container has started or died.
func (g *pleg) look(uid types.UID) {
	delete(g.marked, uid)
	k := g.kubelet
	w := k.workers[uid]
	if w == nil {
		return
	}
	before := w.seen
	w.seen, w.seenAt = k.runtime.Status(uid), k.now()
	if containersDiffer(before, w.seen) {
		k.resync(w)
	}
}

// containersDiffer reports whether a container or sandbox is in another state, new or gone.
func containersDiffer(a, b *runtime.PodStatus) bool {
	if len(a.Containers) != len(b.Containers) || len(a.Sandboxes) != len(b.Sandboxes) {
		return true
	}
	for i := range a.Containers {
		if a.Containers[i].ID != b.Containers[i].ID || a.Containers[i].State != b.Containers[i].State {
			return true
		}
	}
	for i := range a.Sandboxes {
		if a.Sandboxes[i].ID != b.Sandboxes[i].ID || a.Sandboxes[i].Ready != b.Sandboxes[i].Ready {
			return true
		}
	}
	return false
}
