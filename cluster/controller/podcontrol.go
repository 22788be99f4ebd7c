package controller

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

// PodControl creates and deletes pods for a controller and records an Event on the owner for each.
type PodControl struct {
	Client   *client.Client
	Recorder *client.Recorder
	// Wrote, if set, is told of each pod that was written and the reference of its controller.
	Wrote func(pod *corev1.Pod, ref *metav1.OwnerReference)
}

// PodFromTemplate is the pod that owner creates from its template. It shares what the template points to.
func PodFromTemplate(template *corev1.PodTemplateSpec, ownerName string, ref metav1.OwnerReference) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName:    podNamePrefix(ownerName),
			Labels:          template.Labels,
			Annotations:     template.Annotations,
			Finalizers:      template.Finalizers,
			OwnerReferences: []metav1.OwnerReference{ref},
		},
		Spec: template.Spec,
	}
}

// podNamePrefix is the owner's name and a dash, or without it where that makes the name invalid.
func podNamePrefix(ownerName string) string {
	if len(ownerName) >= validation.DNS1123SubdomainMaxLength {
		return ownerName
	}
	return ownerName + "-"
}

// Create creates a pod in the owner's namespace and calls done with the outcome.
func (pc *PodControl) Create(owner api.Object, pod *corev1.Pod, done func(error)) {
	request := &api.Request{
		Verb: api.VerbCreate, Resource: api.Pods, Namespace: owner.GetNamespace(), Object: pod,
	}
	pc.Client.Start(request, func(answer *api.Response, err error) {
		if err != nil {
			// Every creation in a terminating namespace fails: no news.
			if !IsNamespaceTerminating(err) {
				pc.Recorder.Eventf(owner, corev1.EventTypeWarning, "FailedCreate", "Error creating: %v", err)
			}
			done(err)
			return
		}
		created := answer.Object.(*corev1.Pod)
		if pc.Wrote != nil {
			pc.Wrote(created, api.ControllerOf(&created.ObjectMeta))
		}
		pc.Recorder.Eventf(owner, corev1.EventTypeNormal, "SuccessfulCreate", "Created pod: %v", created.Name)
		done(nil)
	})
}

// Delete deletes the owner's pod of that name and calls done with the outcome; a pod that is gone is an error too.
func (pc *PodControl) Delete(owner api.Object, name string, done func(error)) {
	request := &api.Request{
		Verb: api.VerbDelete, Resource: api.Pods, Namespace: owner.GetNamespace(), Name: name,
		Delete: &metav1.DeleteOptions{},
	}
	pc.Client.Start(request, func(_ *api.Response, err error) {
		switch {
		case err == nil:
			pc.Recorder.Eventf(owner, corev1.EventTypeNormal, "SuccessfulDelete", "Deleted pod: %v", name)
		case !apierrors.IsNotFound(err):
			pc.Recorder.Eventf(owner, corev1.EventTypeWarning, "FailedDelete", "Error deleting: %v", err)
			err = fmt.Errorf("unable to delete pods: %w", err)
		}
		done(err)
	})
}

// IsNamespaceTerminating reports whether the server refused because the namespace is being deleted.
func IsNamespaceTerminating(err error) bool {
	return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}
