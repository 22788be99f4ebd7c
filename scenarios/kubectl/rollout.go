package kubectl

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

const (
	revisionAnnotation  = "deployment.kubernetes.io/revision"
	restartedAnnotation = "kubectl.kubernetes.io/restartedAt"
	// changeCauseAnnotation is where users note why they changed something.
	changeCauseAnnotation = "kubernetes.io/change-cause"
)

// podTemplate is the template of a workload, nil for other kinds.
func podTemplate(o api.Object) *corev1.PodTemplateSpec {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *appsv1.ReplicaSet:
		return &o.Spec.Template
	case *appsv1.StatefulSet:
		return &o.Spec.Template
	case *appsv1.DaemonSet:
		return &o.Spec.Template
	}
	return nil
}

// podSpec is the pod spec of a workload or a pod, nil for other kinds.
func podSpec(o api.Object) *corev1.PodSpec {
	if pod, ok := o.(*corev1.Pod); ok {
		return &pod.Spec
	}
	if template := podTemplate(o); template != nil {
		return &template.Spec
	}
	return nil
}

func runRestart(e *execution) error {
	return e.each(nil, func(t target, _ []string) error {
		err := e.change(t, func(o api.Object) error {
			template := podTemplate(o)
			if template == nil {
				return fmt.Errorf("%s: restarting is not supported", t.title())
			}
			if d, ok := o.(*appsv1.Deployment); ok && d.Spec.Paused {
				return errors.New("can't restart paused deployment (run rollout resume first)")
			}
			now := e.task.Process().Wall().Time().Format(time.RFC3339)
			template.Annotations = api.With(template.Annotations, restartedAnnotation, now)
			return nil
		})
		if err == nil {
			e.printf("%s restarted", t.title())
		}
		return err
	})
}

func runPause(e *execution, pause bool) error {
	word := map[bool]string{true: "paused", false: "resumed"}[pause]
	return e.each(nil, func(t target, _ []string) error {
		err := e.change(t, func(o api.Object) error {
			d, ok := o.(*appsv1.Deployment)
			if !ok {
				return fmt.Errorf("%s: pausing is not supported", t.title())
			}
			if d.Spec.Paused == pause {
				return fmt.Errorf("%s is already %s", t.title(), map[bool]string{true: "paused", false: "not paused"}[pause])
			}
			d.Spec.Paused = pause
			return nil
		})
		if err == nil {
			e.printf("%s %s", t.title(), word)
		}
		return err
	})
}

// notRestored are the annotations that undo leaves as the Deployment has them.
var notRestored = []string{
	lastApplied, revisionAnnotation, "deployment.kubernetes.io/revision-history", "deployment.kubernetes.io/desired-replicas",
	"deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to",
}

func runUndo(e *execution) error {
	return e.each(nil, func(t target, _ []string) error {
		o, err := e.get(t)
		if err != nil {
			return err
		}
		d, ok := o.(*appsv1.Deployment)
		if !ok {
			return fmt.Errorf("%s: only Deployments can be undone here", t.title())
		}
		if d.Spec.Paused {
			return errors.New("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
		}
		previous, err := e.revision(d)
		if err != nil {
			return err
		}
		template := previous.Spec.Template
		template.Labels = api.Without(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
		if api.Equal(&template, &d.Spec.Template) {
			e.printf("%s skipped rollback (current template already matches revision %s)", t.title(), previous.Annotations[revisionAnnotation])
			return nil
		}
		data := mustJSON([]map[string]any{
			{"op": "replace", "path": "/spec/template", "value": template},
			{"op": "replace", "path": "/metadata/annotations", "value": restoredAnnotations(d, previous)},
		})
		if _, err := e.patch(t.resource, t.namespace, t.name, types.JSONPatchType, data, ""); err != nil {
			return err
		}
		e.printf("%s rolled back", t.title())
		if _, applied := d.Annotations[lastApplied]; applied {
			e.printf("Warning: resource %s/%s was previously managed with 'kubectl apply'. Rolling back will not update the %s annotation, "+
				"which may cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.",
				t.resource.Name, t.name, lastApplied)
		}
		return nil
	})
}

// restoredAnnotations are the ReplicaSet's, but those of the bookkeeping are the Deployment's own.
func restoredAnnotations(d *appsv1.Deployment, rs *appsv1.ReplicaSet) map[string]string {
	annotations := maps.Clone(rs.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	for _, key := range notRestored {
		delete(annotations, key)
		if value, ok := d.Annotations[key]; ok {
			annotations[key] = value
		}
	}
	return annotations
}

// revisions are the Deployment's ReplicaSets by the revision that they stand for.
func (e *execution) revisions(d *appsv1.Deployment) (map[int64]*appsv1.ReplicaSet, error) {
	sets, err := client.ListAll[*appsv1.ReplicaSet](e.task, e.client, api.ReplicaSets, d.Namespace, api.Selector(d.Spec.Selector))
	if err != nil {
		return nil, err
	}
	byRevision := map[int64]*appsv1.ReplicaSet{}
	for _, rs := range sets {
		owner := api.ControllerOf(&rs.ObjectMeta)
		if owner == nil || owner.UID != d.UID {
			continue
		}
		if n, err := strconv.ParseInt(rs.Annotations[revisionAnnotation], 10, 64); err == nil {
			byRevision[n] = rs
		}
	}
	return byRevision, nil
}

// revision finds the ReplicaSet to go back to: the one of --to-revision, or the last before the current one.
func (e *execution) revision(d *appsv1.Deployment) (*appsv1.ReplicaSet, error) {
	byRevision, err := e.revisions(d)
	if err != nil {
		return nil, err
	}
	if wanted := e.options.toRevision; wanted > 0 {
		if rs := byRevision[wanted]; rs != nil {
			return rs, nil
		}
		return nil, fmt.Errorf("unable to find specified revision %v in history", wanted)
	}
	revisions := slices.Sorted(maps.Keys(byRevision))
	if len(revisions) < 2 {
		return nil, fmt.Errorf("no rollout history found for deployment %q", d.Name)
	}
	return byRevision[revisions[len(revisions)-2]], nil
}

// runHistory lists the revisions with what changed them, as their author noted.
func runHistory(e *execution) error {
	return e.each(nil, func(t target, _ []string) error {
		o, err := e.get(t)
		if err != nil {
			return err
		}
		d, ok := o.(*appsv1.Deployment)
		if !ok {
			return fmt.Errorf("%s: rollout history is simulated for Deployments", t.title())
		}
		byRevision, err := e.revisions(d)
		if err != nil {
			return err
		}
		e.printf("%s \nREVISION  CHANGE-CAUSE", t.title())
		for _, n := range slices.Sorted(maps.Keys(byRevision)) {
			e.printf("%-8d  %s", n, cmp.Or(byRevision[n].Annotations[changeCauseAnnotation], "<none>"))
		}
		return nil
	})
}

func runStatus(e *execution) error {
	return e.each(nil, func(t target, _ []string) error {
		if t.resource != api.Deployments {
			return fmt.Errorf("%s: rollout status is simulated for Deployments", t.title())
		}
		return e.await(t, e.options.timeout, func(o api.Object) (bool, error) {
			if o == nil {
				return false, fmt.Errorf("object has been deleted")
			}
			message, done, err := deploymentStatus(o.(*appsv1.Deployment))
			if message != "" {
				e.printf("%s", message)
			}
			return done, err
		})
	})
}

// deploymentStatus is kubectl's verdict on a roll-out.
func deploymentStatus(d *appsv1.Deployment) (message string, done bool, err error) {
	if d.Generation > d.Status.ObservedGeneration {
		return "Waiting for deployment spec update to be observed...", false, nil
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" {
			return "", false, fmt.Errorf("deployment %q exceeded its progress deadline", d.Name)
		}
	}
	want := api.Deref(d.Spec.Replicas, 1)
	switch s := d.Status; {
	case s.UpdatedReplicas < want:
		return fmt.Sprintf("Waiting for deployment %q rollout to finish: %d out of %d new replicas have been updated...", d.Name, s.UpdatedReplicas, want), false, nil
	case s.Replicas > s.UpdatedReplicas:
		return fmt.Sprintf("Waiting for deployment %q rollout to finish: %d old replicas are pending termination...", d.Name, s.Replicas-s.UpdatedReplicas), false, nil
	case s.AvailableReplicas < s.UpdatedReplicas:
		return fmt.Sprintf("Waiting for deployment %q rollout to finish: %d of %d updated replicas are available...", d.Name, s.AvailableReplicas, s.UpdatedReplicas), false, nil
	}
	return fmt.Sprintf("deployment %q successfully rolled out", d.Name), true, nil
}
