package nodelifecycle

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
)

const (
	// Conflicts are retried this often, after 100 to 200 ms each time (controller.UpdateTaintBackoff).
	conflictTries = 5
	conflictDelay = 100 * time.Millisecond
)

// purposeConflict draws the jitter of the delay after a conflict.
const purposeConflict sim.Purpose = 0

// swapTaints adds taints, stamped with the time, and removes others: for either part that has something to do one read
// and one patch. node is what the cache knows; a removal that it shows to be unnecessary costs nothing.
func (c *Controller) swapTaints(t *sim.Task, node *corev1.Node, add, remove []corev1.Taint) error {
	if len(add) > 0 {
		now := c.env.Now()
		stamped := make([]corev1.Taint, len(add))
		for i, taint := range add {
			stamped[i] = taint
			stamped[i].TimeAdded = &now
		}
		err := c.patchTaints(t, node.Name, func(taints []corev1.Taint) ([]corev1.Taint, bool) {
			return withTaints(taints, stamped)
		})
		if err != nil {
			return err
		}
	}
	return c.removeTaints(t, node, remove)
}

func (c *Controller) removeTaints(t *sim.Task, node *corev1.Node, remove []corev1.Taint) error {
	if _, any := withoutTaints(node.Spec.Taints, remove); !any {
		return nil
	}
	return c.patchTaints(t, node.Name, func(taints []corev1.Taint) ([]corev1.Taint, bool) {
		return withoutTaints(taints, remove)
	})
}

// patchTaints reads a node, changes its taints and patches it, unless nothing changes. The patch holds for the version
// that was read.
func (c *Controller) patchTaints(t *sim.Task, name string, change func([]corev1.Taint) ([]corev1.Taint, bool)) error {
	return c.retryConflicts(t, func(first bool) error {
		node, err := c.readNode(t, name, first)
		if err != nil {
			return err
		}
		taints, changed := change(node.Spec.Taints)
		if !changed {
			return nil
		}
		body := controller.WithVersion(api.Nodes, node.ResourceVersion, bodyBytes(taints), func(old api.Object) (api.Object, error) {
			patched := api.Shallow(old.(*corev1.Node))
			patched.Spec.Taints = taints
			return patched, nil
		})
		_, err = client.Patch[*corev1.Node](t, c.client, api.Nodes, "", name, body, "")
		return err
	})
}

// setLabels reads a node and patches labels onto it.
func (c *Controller) setLabels(t *sim.Task, name string, labels map[string]string) error {
	return c.retryConflicts(t, func(first bool) error {
		if _, err := c.readNode(t, name, first); err != nil {
			return err
		}
		body := &api.PatchBody{Type: types.StrategicMergePatchType, SizeBytes: bodyBytes(labels), Apply: func(old api.Object) (api.Object, error) {
			patched := api.Shallow(old.(*corev1.Node))
			patched.Labels = maps.Clone(patched.Labels)
			maps.Copy(patched.Labels, labels)
			return patched, nil
		}}
		_, err := client.Patch[*corev1.Node](t, c.client, api.Nodes, "", name, body, "")
		return err
	})
}

// readNode reads a node from the API server's cache at first, which is cheaper, and past it after a conflict.
func (c *Controller) readNode(t *sim.Task, name string, first bool) (*corev1.Node, error) {
	if first {
		return client.GetCached[*corev1.Node](t, c.client, api.Nodes, "", name)
	}
	return client.Get[*corev1.Node](t, c.client, api.Nodes, "", name)
}

func (c *Controller) retryConflicts(t *sim.Task, attempt func(first bool) error) error {
	for try := 1; ; try++ {
		err := attempt(try == 1)
		if err == nil || !apierrors.IsConflict(err) || try == conflictTries {
			return err
		}
		t.Sleep(conflictDelay + time.Duration(c.draws.Int63n(purposeConflict, int64(conflictDelay))))
	}
}
