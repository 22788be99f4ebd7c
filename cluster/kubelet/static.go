package kubelet

import (
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
)

// staticPod is a pod of a manifest on the node, as the kubelet completes it: named after the node, with a UID that is
// the hash of the manifest, tolerating whatever may befall the node.
func (k *Kubelet) staticPod(manifest *corev1.Pod) *corev1.Pod {
	pod := manifest.DeepCopy()
	if pod.UID == "" {
		pod.UID = types.UID(machineID("static/", k.config.NodeName, "/", manifest.Namespace, "/", manifest.Name, "/", string(encode(manifest))))
	}
	pod.Name += "-" + strings.ToLower(k.config.NodeName)
	if pod.Namespace == "" {
		pod.Namespace = metav1.NamespaceDefault
	}
	pod.Spec.NodeName = k.config.NodeName
	if pod.Spec.RestartPolicy == "" {
		pod.Spec.RestartPolicy = corev1.RestartPolicyAlways
	}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	maps.Copy(pod.Annotations, map[string]string{
		podstatus.AnnotationHash: string(pod.UID), podstatus.AnnotationSource: podstatus.SourceFile,
		podstatus.AnnotationFirstSeen: k.process.Wall().Time().Format("2006-01-02T15:04:05.000000000Z07:00"),
	})
	pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute})
	pod.Status.Phase = corev1.PodPending
	return pod
}

func encode(pod *corev1.Pod) []byte {
	data, err := api.Encode(pod)
	if err != nil {
		panic("kubelet: static pod " + pod.Name + ": " + err.Error())
	}
	return data
}

// mirrorOf is the API's image of a static pod, or nil.
func (s *podSource) mirrorOf(pod *corev1.Pod) *corev1.Pod {
	if !podstatus.IsStatic(pod) {
		return nil
	}
	return s.mirrors[fullName(pod)]
}

// staticOf is the static pod of a mirror pod, or nil.
func (s *podSource) staticOf(mirror *corev1.Pod) *corev1.Pod {
	for _, uid := range sortedUIDs(s.pods) {
		if p := s.pods[uid]; podstatus.IsStatic(p) && fullName(p) == fullName(mirror) {
			return p
		}
	}
	return nil
}

// translate returns the UID by which the kubelet knows a pod of the API: a mirror pod's is that of its static pod.
func (s *podSource) translate(pod *corev1.Pod) types.UID {
	if podstatus.IsMirror(pod) {
		if static := s.staticOf(pod); static != nil {
			return static.UID
		}
	}
	return pod.UID
}

// mirrorChanged takes a version of a mirror pod: the static pod's worker looks at it.
func (s *podSource) mirrorChanged(old, mirror *corev1.Pod) {
	s.mirrors[fullName(mirror)] = mirror
	static := s.staticOf(mirror)
	if static == nil {
		s.kubelet.deleteMirror(mirror) // no manifest has it any more
		return
	}
	k := s.kubelet
	if e := k.statuses.entries[static.UID]; e != nil && (e.sent < e.version || e.to != mirror.UID) {
		k.statuses.enqueue(e)
	}
	if w := k.workers[static.UID]; w != nil && (old == mirror || mirror.DeletionTimestamp != nil) {
		k.update(static, updateSync)
	}
}

// mirrorGone is told that the API has no mirror pod any more: the worker makes a new one.
func (s *podSource) mirrorGone(mirror *corev1.Pod) {
	if static := s.staticOf(mirror); static != nil {
		s.kubelet.update(static, updateSync)
	}
}

// reconcileMirror makes the API's image of a static pod, and replaces one that is of another manifest.
func (k *Kubelet) reconcileMirror(w *worker) {
	if !podstatus.IsStatic(w.pod) {
		return
	}
	mirror := k.source.mirrorOf(w.pod)
	switch {
	case mirror == nil:
		if _, known := k.informers.node.Get("", k.config.NodeName); known {
			k.createMirror(w.pod)
		}
	case mirror.DeletionTimestamp != nil, mirror.Annotations[podstatus.AnnotationMirror] != w.pod.Annotations[podstatus.AnnotationHash]:
		k.deleteMirror(mirror)
	}
}

// mirrorAll makes the mirror pods that are missing as soon as the node is known, so that the scheduler counts what they
// take (fastStaticPodsRegistration).
func (k *Kubelet) mirrorAll() {
	for _, w := range k.orderedWorkers() {
		if podstatus.IsStatic(w.pod) && k.source.mirrorOf(w.pod) == nil {
			k.createMirror(w.pod)
		}
	}
}

func (k *Kubelet) createMirror(pod *corev1.Pod) {
	node := k.ownNode()
	mirror := api.Shallow(pod)
	mirror.UID = ""
	mirror.Annotations = api.With(pod.Annotations, podstatus.AnnotationMirror, pod.Annotations[podstatus.AnnotationHash])
	mirror.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node.Name, UID: node.UID, Controller: api.Ptr(true)}}
	r := &api.Request{Verb: api.VerbCreate, Resource: api.Pods, Namespace: mirror.Namespace, Name: mirror.Name, Object: mirror}
	k.client.Start(r, func(*api.Response, error) {}) // a failure is tried again by the next sync
}

func (k *Kubelet) deleteMirror(mirror *corev1.Pod) {
	uid := mirror.UID
	options := metav1.NewDeleteOptions(0)
	options.Preconditions = &metav1.Preconditions{UID: &uid}
	r := &api.Request{Verb: api.VerbDelete, Resource: api.Pods, Namespace: mirror.Namespace, Name: mirror.Name, Delete: options}
	k.client.Start(r, func(*api.Response, error) {})
}
