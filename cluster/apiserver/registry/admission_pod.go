package registry

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	tokenVolumePrefix = "kube-api-access-"
	tokenMountPath    = "/var/run/secrets/kubernetes.io/serviceaccount"
	// tokenAdmissionSeconds is an hour and seven seconds: kubelets recognise tokens that admission asked for by the odd
	// number (plugin/pkg/admission/serviceaccount: WarnOnlyBoundTokenExpirationSeconds of k8s.io/kubernetes).
	tokenAdmissionSeconds = 60*60 + 7
	// tolerationSeconds is how long a pod stays on a node that is not ready or unreachable
	// (plugin/pkg/admission/defaulttolerationseconds).
	tolerationSeconds = 300
)

// tokenSources is what every token volume projects; pods share it.
var tokenSources = []corev1.VolumeProjection{
	{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: api.Ptr(int64(tokenAdmissionSeconds))}},
	{ConfigMap: &corev1.ConfigMapProjection{
		LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"},
		Items:                []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}},
	}},
	{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{
		Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.namespace"},
	}}}},
}

var tokenProjection = &corev1.ProjectedVolumeSource{Sources: tokenSources, DefaultMode: defaultFileMode}

func isMirror(pod *corev1.Pod) bool {
	_, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror
}

// serviceAccount gives a pod its service account and mounts the account's token into its containers.
func serviceAccount(ctx *Context, req *attributes) error {
	if req.old != nil || ctx.Without.has(AdmitServiceAccount) {
		return nil
	}
	pod := req.obj.(*corev1.Pod)
	if isMirror(pod) {
		return mirrorWithoutAccount(req, pod)
	}
	if pod.Spec.ServiceAccountName == "" {
		pod.Spec.ServiceAccountName = "default"
	}
	syncServiceAccount(&pod.Spec)
	sa, _ := ctx.Lookup.Get(api.ServiceAccounts, pod.Namespace, pod.Spec.ServiceAccountName).(*corev1.ServiceAccount)
	if sa == nil {
		return forbidden(req, fmt.Errorf("error looking up service account %s/%s: %w", pod.Namespace, pod.Spec.ServiceAccountName,
			apierrors.NewNotFound(corev1.Resource("serviceaccount"), pod.Spec.ServiceAccountName)))
	}
	if automounts(sa, pod) {
		mountToken(ctx, pod)
	}
	if len(pod.Spec.ImagePullSecrets) == 0 {
		pod.Spec.ImagePullSecrets = sa.ImagePullSecrets
	}
	return nil
}

func mirrorWithoutAccount(req *attributes, pod *corev1.Pod) error {
	if pod.Spec.ServiceAccountName != "" {
		return forbidden(req, errors.New("a mirror pod may not reference service accounts"))
	}
	for i := range pod.Spec.Volumes {
		if pod.Spec.Volumes[i].Secret != nil {
			return forbidden(req, errors.New("a mirror pod may not reference secrets"))
		}
	}
	return nil
}

func automounts(sa *corev1.ServiceAccount, pod *corev1.Pod) bool {
	if a := pod.Spec.AutomountServiceAccountToken; a != nil {
		return *a
	}
	return sa.AutomountServiceAccountToken == nil || *sa.AutomountServiceAccountToken
}

// mountToken appends the token volume and its mounts. The containers are the pod's own clones (defaultPod).
func mountToken(ctx *Context, pod *corev1.Pod) {
	name, has := tokenVolume(ctx, pod)
	used := mountInto(pod.Spec.InitContainers, name)
	used = mountInto(pod.Spec.Containers, name) || used
	if used && !has {
		pod.Spec.Volumes = api.Append(pod.Spec.Volumes, corev1.Volume{
			Name: name, VolumeSource: corev1.VolumeSource{Projected: tokenProjection},
		})
	}
}

func tokenVolume(ctx *Context, pod *corev1.Pod) (name string, exists bool) {
	for i := range pod.Spec.Volumes {
		if strings.HasPrefix(pod.Spec.Volumes[i].Name, tokenVolumePrefix) {
			return pod.Spec.Volumes[i].Name, true
		}
	}
	return tokenVolumePrefix + api.Suffix(ctx.Random()), false
}

func mountInto(containers []corev1.Container, volume string) bool {
	mounted := false
	for i := range containers {
		c := &containers[i]
		if slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == tokenMountPath }) {
			continue
		}
		c.VolumeMounts = api.Append(c.VolumeMounts, corev1.VolumeMount{Name: volume, ReadOnly: true, MountPath: tokenMountPath})
		mounted = true
	}
	return mounted
}

var (
	fiveMinutes     = api.Ptr(int64(tolerationSeconds))
	waitNotReady    = corev1.Toleration{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: fiveMinutes}
	waitUnreachable = corev1.Toleration{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: fiveMinutes}
	waitBoth        = []corev1.Toleration{waitNotReady, waitUnreachable}
)

// defaultTolerations lets a pod stay a while on a node that has failed, unless it says itself what it tolerates.
func defaultTolerations(_ *Context, req *attributes) error {
	if req.subresource != "" {
		return nil
	}
	pod := req.obj.(*corev1.Pod)
	notReady, unreachable := false, false
	for i := range pod.Spec.Tolerations {
		t := &pod.Spec.Tolerations[i]
		if t.Effect != "" && t.Effect != corev1.TaintEffectNoExecute {
			continue
		}
		notReady = notReady || t.Key == "" || t.Key == corev1.TaintNodeNotReady
		unreachable = unreachable || t.Key == "" || t.Key == corev1.TaintNodeUnreachable
	}
	switch {
	case notReady && unreachable:
	case len(pod.Spec.Tolerations) == 0:
		pod.Spec.Tolerations = waitBoth // shared: nobody appends in place
	case !notReady && !unreachable:
		pod.Spec.Tolerations = api.Append(pod.Spec.Tolerations, waitBoth...)
	case !notReady:
		pod.Spec.Tolerations = api.Append(pod.Spec.Tolerations, waitNotReady)
	default:
		pod.Spec.Tolerations = api.Append(pod.Spec.Tolerations, waitUnreachable)
	}
	return nil
}

var preemptLower = api.Ptr(corev1.PreemptLowerPriority)

// priority resolves a pod's priority class.
func priority(ctx *Context, req *attributes) error {
	if req.old != nil || ctx.Without.has(AdmitPriority) {
		return nil
	}
	pod := req.obj.(*corev1.Pod)
	class, err := classOf(ctx, req, pod)
	if err != nil {
		return err
	}
	value, policy := int32(0), preemptLower
	if class != nil {
		value = class.Value
		if pod.Spec.PriorityClassName == "" {
			pod.Spec.PriorityClassName = class.Name
		}
		if class.PreemptionPolicy != nil {
			policy = class.PreemptionPolicy
		}
	}
	if p := pod.Spec.Priority; p != nil && *p != value {
		return forbidden(req, fmt.Errorf("the integer value of priority (%d) must not be provided in pod spec; priority admission controller computed %d from the given PriorityClass name", *p, value))
	}
	if p := pod.Spec.PreemptionPolicy; p != nil && *p != *policy {
		return forbidden(req, fmt.Errorf("the string value of PreemptionPolicy (%v) must not be provided in pod spec; priority admission controller computed %v from the given PriorityClass name", *p, *policy))
	}
	pod.Spec.Priority, pod.Spec.PreemptionPolicy = api.Ptr(value), policy
	return nil
}

// classOf finds the named class, or the global default (that of least value, should there be several).
func classOf(ctx *Context, req *attributes, pod *corev1.Pod) (*schedulingv1.PriorityClass, error) {
	if name := pod.Spec.PriorityClassName; name != "" {
		class, _ := ctx.Lookup.Get(api.PriorityClasses, "", name).(*schedulingv1.PriorityClass)
		if class == nil {
			return nil, forbidden(req, fmt.Errorf("no PriorityClass with name %v was found", name))
		}
		return class, nil
	}
	var found *schedulingv1.PriorityClass
	ctx.Lookup.Each(api.PriorityClasses, "", func(o api.Object) bool {
		if c := o.(*schedulingv1.PriorityClass); c.GlobalDefault && (found == nil || c.Value < found.Value) {
			found = c
		}
		return true
	})
	return found, nil
}
