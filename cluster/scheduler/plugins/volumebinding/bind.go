package volumebinding

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagehelpers "k8s.io/component-helpers/storage/volume"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// pollInterval is how often PreBind looks whether everything is bound (pkg/scheduler/framework/plugins/volumebinding/binder.go).
const pollInterval = time.Second

// Reserve takes what Filter found on the chosen node.
func (p *VolumeBinding) Reserve(c *framework.Cycle, node string) *framework.Status {
	s := framework.StateOf[state](c, p.key)
	if s == nil {
		return nil // no claims
	}
	found := s.byNode[node]
	if s.allBound = found == nil || p.areBound(s.waiting); s.allBound {
		return nil
	}
	return framework.AsStatus(p.assume(found, node))
}

// areBound reports whether the volume controller has been faster.
func (p *VolumeBinding) areBound(claims []*corev1.PersistentVolumeClaim) bool {
	for _, pvc := range claims {
		if known := p.assumed.claim(pvc.Namespace, pvc.Name); known == nil || !isBound(known) {
			return false
		}
	}
	return true
}

// assume takes the volumes and promises the claims that are to be provisioned to the node.
func (p *VolumeBinding) assume(found *choice, node string) error {
	taken := &choice{}
	fail := func(err error) error {
		p.assumed.revert(taken.bindings, taken.provisions)
		return err
	}
	for _, b := range found.bindings {
		pv, changed, err := storagehelpers.GetBindVolumeToClaim(b.pv, b.pvc)
		if err == nil && changed {
			err = p.assumed.assumeVolume(pv)
		}
		if err != nil {
			return fail(err)
		}
		taken.bindings = append(taken.bindings, binding{b.pvc, pv})
	}
	for _, pvc := range found.provisions {
		promised := pvc.DeepCopy()
		if promised.Annotations == nil {
			promised.Annotations = map[string]string{}
		}
		promised.Annotations[storagehelpers.AnnSelectedNode] = node
		if err := p.assumed.assumeClaim(promised); err != nil {
			return fail(err)
		}
		taken.provisions = append(taken.provisions, promised)
	}
	*found = *taken
	return nil
}

// Unreserve gives back what has not been written.
func (p *VolumeBinding) Unreserve(c *framework.Cycle, node string) {
	if s := framework.StateOf[state](c, p.key); s != nil && s.byNode[node] != nil {
		p.assumed.revert(s.byNode[node].bindings, s.byNode[node].provisions)
	}
}

// PreFlight skips pods whose claims are all bound.
func (p *VolumeBinding) PreFlight(c *framework.Cycle, node string) *framework.Status {
	s := framework.StateOf[state](c, p.key)
	switch {
	case s == nil || s.allBound:
		return skip
	case s.byNode[node] == nil:
		return framework.AsStatus(fmt.Errorf("no pod volume found for node %q", node))
	}
	return nil
}

// PreBind writes the choice, object by object, and then waits.
func (p *VolumeBinding) PreBind(c *framework.Cycle, node string, done func(*framework.Status)) {
	b := &binder{p: p, pod: c.Pod.Pod, choice: framework.StateOf[state](c, p.key).byNode[node], done: func(err error) { done(framework.AsStatus(err)) }}
	b.write(0)
}

// binder is one pod's PreBind.
type binder struct {
	p      *VolumeBinding
	pod    *corev1.Pod
	choice *choice
	waited time.Duration
	done   func(error)
}

// write writes the i-th object and those after it. What is not written when one fails is given back.
func (b *binder) write(i int) {
	bindings, provisions := b.choice.bindings, b.choice.provisions
	switch {
	case i < len(bindings):
		b.p.handle.Storage.UpdateVolume(bindings[i].pv, func(written *corev1.PersistentVolume, err error) {
			if err != nil {
				b.p.assumed.revert(bindings[i:], provisions)
				b.done(err)
				return
			}
			bindings[i].pv = written
			b.write(i + 1)
		})
	case i < len(bindings)+len(provisions):
		k := i - len(bindings)
		b.p.handle.Storage.UpdateClaim(provisions[k], func(written *corev1.PersistentVolumeClaim, err error) {
			if err != nil {
				b.p.assumed.revert(nil, provisions[k:])
				b.done(err)
				return
			}
			provisions[k] = written
			b.write(i + 1)
		})
	default:
		b.wait()
	}
}

// wait looks again after a while, until all is bound, something is wrong or time is up.
func (b *binder) wait() {
	if b.waited >= b.p.timeout {
		b.done(errors.New("binding volumes: context deadline exceeded"))
		return
	}
	pause := min(pollInterval, b.p.timeout-b.waited)
	b.waited += pause
	b.p.handle.After(pause, func() {
		bound, err := b.check()
		switch {
		case err != nil:
			b.done(fmt.Errorf("binding volumes: %w", err))
		case bound:
			b.done(nil)
		default:
			b.wait()
		}
	})
}

// check reports whether everything is bound, by what the informers show.
func (b *binder) check() (bool, error) {
	if b.p.handle.Listers.Pod(b.pod.Namespace, b.pod.Name) == nil {
		return false, fmt.Errorf("pod does not exist any more: pod %q not found", b.pod.Name)
	}
	for i := range b.choice.bindings {
		if bound, err := b.checkBinding(&b.choice.bindings[i]); !bound {
			return false, err
		}
	}
	for _, pvc := range b.choice.provisions {
		if bound, err := b.checkProvision(pvc); !bound {
			return false, err
		}
	}
	return true, nil
}

func (b *binder) checkBinding(chosen *binding) (bool, error) {
	storage := b.p.handle.Storage
	pv := storage.PersistentVolume(chosen.pv.Name)
	if pv == nil {
		return false, fmt.Errorf("failed to check binding: persistentvolumes %q not found", chosen.pv.Name)
	}
	pvc := storage.PersistentVolumeClaim(chosen.pvc.Namespace, chosen.pvc.Name)
	if pvc == nil {
		return false, fmt.Errorf("failed to check binding: persistentvolumeclaims %q not found", keyOf(chosen.pvc))
	}
	if api.ParseRV(chosen.pv.ResourceVersion) > api.ParseRV(pv.ResourceVersion) {
		return false, nil // not seen yet
	}
	if pv.Spec.ClaimRef == nil || pv.Spec.ClaimRef.UID == "" {
		return false, fmt.Errorf("ClaimRef got reset for pv %q", pv.Name)
	}
	return isBound(pvc), nil
}

func (b *binder) checkProvision(promised *corev1.PersistentVolumeClaim) (bool, error) {
	storage := b.p.handle.Storage
	pvc := storage.PersistentVolumeClaim(promised.Namespace, promised.Name)
	if pvc == nil {
		return false, fmt.Errorf("failed to check provisioning pvc: persistentvolumeclaims %q not found", keyOf(promised))
	}
	if api.ParseRV(promised.ResourceVersion) > api.ParseRV(pvc.ResourceVersion) {
		return false, nil // not seen yet
	}
	if pvc.Annotations == nil {
		return false, fmt.Errorf("selectedNode annotation reset for PVC %q", pvc.Name)
	}
	if pvc.Annotations[storagehelpers.AnnSelectedNode] != b.pod.Spec.NodeName {
		return false, fmt.Errorf("provisioning failed for PVC %q", pvc.Name)
	}
	if pvc.Spec.VolumeName != "" && storage.PersistentVolume(pvc.Spec.VolumeName) == nil {
		return false, nil // not seen yet
	}
	return isBound(pvc), nil
}
