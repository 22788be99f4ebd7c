package registry

import (
	"math"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	specPath              = field.NewPath("spec")
	statusPath            = field.NewPath("status")
	containerStatusesPath = statusPath.Child("containerStatuses")
)

func validatePod(pod *corev1.Pod) field.ErrorList {
	errs := validatePodSpec(&pod.Spec, specPath)
	if pod.Spec.NodeName != "" && len(pod.Spec.SchedulingGates) > 0 {
		errs = append(errs, field.Forbidden(specPath.Child("nodeName"), "cannot be set until all schedulingGates have been cleared"))
	}
	return errs
}

var (
	restartPolicies = []corev1.RestartPolicy{corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever}
	dnsPolicies     = []corev1.DNSPolicy{corev1.DNSClusterFirstWithHostNet, corev1.DNSClusterFirst, corev1.DNSDefault, corev1.DNSNone}
)

// validatePodSpec checks what pods and templates have in common.
func validatePodSpec(s *corev1.PodSpec, path *field.Path) field.ErrorList {
	volumes, errs := validateVolumes(s.Volumes, path.Child("volumes"))
	errs = append(errs, validateContainers(s, volumes, path)...)
	errs = append(errs, validateInitContainers(s, volumes, path)...)
	errs = append(errs, oneOf(s.RestartPolicy, restartPolicies, true, path.Child("restartPolicy"))...)
	errs = append(errs, oneOf(s.DNSPolicy, dnsPolicies, true, path.Child("dnsPolicy"))...)
	errs = append(errs, checkLabels(s.NodeSelector, path.Child("nodeSelector"))...)
	errs = append(errs, validateScheduling(s, path)...)
	errs = append(errs, validateLifetimes(s, path)...)
	errs = append(errs, validateReferences(s, path)...)
	return errs
}

func validateLifetimes(s *corev1.PodSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if g := s.TerminationGracePeriodSeconds; g != nil && *g < 0 {
		errs = append(errs, field.Invalid(path.Child("terminationGracePeriodSeconds"), *g, mustBeNonNegative))
	}
	if d := s.ActiveDeadlineSeconds; d != nil && (*d < 1 || *d > math.MaxInt32) {
		errs = append(errs, field.Invalid(path.Child("activeDeadlineSeconds"), *d, "must be between 1 and 2147483647, inclusive"))
	}
	return errs
}

func validateReferences(s *corev1.PodSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	optional := func(name, child string, check func(string, *field.Path) field.ErrorList) {
		if name != "" {
			errs = append(errs, check(name, path.Child(child))...)
		}
	}
	optional(s.ServiceAccountName, "serviceAccountName", checkSubdomain)
	optional(s.NodeName, "nodeName", checkSubdomain)
	optional(s.Hostname, "hostname", checkDNSLabel)
	optional(s.Subdomain, "subdomain", checkDNSLabel)
	optional(s.PriorityClassName, "priorityClassName", checkSubdomain)
	if s.RuntimeClassName != nil {
		optional(*s.RuntimeClassName, "runtimeClassName", checkSubdomain)
	}
	for i, r := range s.ImagePullSecrets {
		if r.Name == "" {
			errs = append(errs, field.Required(path.Child("imagePullSecrets").Index(i).Child("name"), ""))
		}
	}
	for i, a := range s.HostAliases {
		for j, h := range a.Hostnames {
			errs = append(errs, checkSubdomain(h, path.Child("hostAliases").Index(i).Child("hostnames").Index(j))...)
		}
	}
	return errs
}

func validateContainers(s *corev1.PodSpec, volumes map[string]bool, path *field.Path) field.ErrorList {
	list := path.Child("containers")
	if len(s.Containers) == 0 {
		return field.ErrorList{field.Required(list, "")}
	}
	var errs field.ErrorList
	for i := range s.Containers {
		c := &s.Containers[i]
		if containerIsPlain(c, volumes) && !nameTaken(s.Containers[:i], c.Name) {
			continue
		}
		at := list.Index(i)
		errs = append(errs, validateContainer(c, volumes, at)...)
		if nameTaken(s.Containers[:i], c.Name) {
			errs = append(errs, field.Duplicate(at.Child("name"), c.Name))
		}
	}
	return append(errs, validateHostPorts(s.Containers, list)...)
}

func nameTaken(earlier []corev1.Container, name string) bool {
	for i := range earlier {
		if earlier[i].Name == name {
			return true
		}
	}
	return false
}

func validateInitContainers(s *corev1.PodSpec, volumes map[string]bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range s.InitContainers {
		c := &s.InitContainers[i]
		at := path.Child("initContainers").Index(i)
		errs = append(errs, validateContainer(c, volumes, at)...)
		if nameTaken(s.Containers, c.Name) || nameTaken(s.InitContainers[:i], c.Name) {
			errs = append(errs, field.Duplicate(at.Child("name"), c.Name))
		}
		if sidecar := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways; !sidecar {
			errs = append(errs, forbidOnInit(c, at)...)
		}
	}
	return errs
}

// forbidOnInit names what a container that runs to its end before the others cannot have.
func forbidOnInit(c *corev1.Container, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	forbid := func(set bool, child string) {
		if set {
			errs = append(errs, field.Forbidden(at.Child(child), "may not be set for init containers without restartPolicy=Always"))
		}
	}
	forbid(c.Lifecycle != nil, "lifecycle")
	forbid(c.LivenessProbe != nil, "livenessProbe")
	forbid(c.ReadinessProbe != nil, "readinessProbe")
	forbid(c.StartupProbe != nil, "startupProbe")
	return errs
}

// containerIsPlain recognises, without allocating, a container in which nothing can be wrong: what most pods of a
// workload are made of.
func containerIsPlain(c *corev1.Container, volumes map[string]bool) bool {
	if !isLabel(c.Name) || c.Image == "" || strings.TrimSpace(c.Image) != c.Image {
		return false
	}
	if c.Lifecycle != nil || c.LivenessProbe != nil || c.ReadinessProbe != nil || c.StartupProbe != nil ||
		len(c.Env) > 0 || len(c.EnvFrom) > 0 || c.SecurityContext != nil || len(c.VolumeDevices) > 0 || c.RestartPolicy != nil {
		return false
	}
	if len(c.Ports) > 1 || len(c.Ports) == 1 && !portIsPlain(&c.Ports[0]) {
		return false
	}
	if !resourcesArePlain(&c.Resources) || !knownPolicies(c) {
		return false
	}
	return mountsArePlain(c.VolumeMounts, volumes)
}

func portIsPlain(p *corev1.ContainerPort) bool {
	return p.ContainerPort >= 1 && p.ContainerPort <= 65535 && p.HostPort == 0 && p.Protocol == corev1.ProtocolTCP &&
		(p.Name == "" || len(p.Name) <= 15 && isLabel1035(p.Name) && !strings.Contains(p.Name, "--"))
}

func knownPolicies(c *corev1.Container) bool {
	pull := c.ImagePullPolicy == corev1.PullIfNotPresent || c.ImagePullPolicy == corev1.PullAlways || c.ImagePullPolicy == corev1.PullNever
	return pull && c.TerminationMessagePolicy == corev1.TerminationMessageReadFile
}

func resourcesArePlain(r *corev1.ResourceRequirements) bool {
	if len(r.Claims) > 0 {
		return false
	}
	for name, limit := range r.Limits { //sim:unordered all must hold
		if !plainResource(name) || limit.Sign() < 0 {
			return false
		}
		if request, has := r.Requests[name]; has && request.Cmp(limit) > 0 {
			return false
		}
	}
	for name, request := range r.Requests { //sim:unordered all must hold
		if !plainResource(name) || request.Sign() < 0 {
			return false
		}
	}
	return true
}

func plainResource(name corev1.ResourceName) bool {
	return name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage
}

func mountsArePlain(mounts []corev1.VolumeMount, volumes map[string]bool) bool {
	for i := range mounts {
		m := &mounts[i]
		if !volumes[m.Name] || m.MountPath == "" || m.SubPath != "" || m.SubPathExpr != "" || m.MountPropagation != nil || m.RecursiveReadOnly != nil {
			return false
		}
		for j := range mounts[:i] {
			if mounts[j].MountPath == m.MountPath {
				return false
			}
		}
	}
	return true
}

// validateHostPorts refuses two containers that ask for the same port of the host.
func validateHostPorts(containers []corev1.Container, list *field.Path) field.ErrorList {
	type hostPort struct {
		protocol corev1.Protocol
		ip       string
		port     int32
	}
	var seen map[hostPort]bool
	var errs field.ErrorList
	for i := range containers {
		for j, p := range containers[i].Ports {
			if p.HostPort == 0 {
				continue
			}
			key := hostPort{p.Protocol, p.HostIP, p.HostPort}
			if seen[key] {
				errs = append(errs, field.Duplicate(list.Index(i).Child("ports").Index(j).Child("hostPort"),
					string(p.Protocol)+"/"+p.HostIP+"/"+itoa(int(p.HostPort))))
			}
			if seen == nil {
				seen = make(map[hostPort]bool)
			}
			seen[key] = true
		}
	}
	return errs
}

// podImmutable is what an update of a pod's spec answers with.
const podImmutable = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"

// validatePodUpdate lets little of a spec change.
func validatePodUpdate(pod, old *corev1.Pod) field.ErrorList {
	if api.Equal(&pod.Spec, &old.Spec) {
		return nil
	}
	if len(pod.Spec.Containers) != len(old.Spec.Containers) {
		return field.ErrorList{field.Forbidden(specPath.Child("containers"), "pod updates may not add or remove containers")}
	}
	if len(pod.Spec.InitContainers) != len(old.Spec.InitContainers) {
		return field.ErrorList{field.Forbidden(specPath.Child("initContainers"), "pod updates may not add or remove containers")}
	}
	errs := validateImages(pod, old)
	errs = append(errs, validateDeadlineUpdate(pod, old)...)
	errs = append(errs, validateGatesUpdate(pod, old)...)
	errs = append(errs, onlyAddsTolerations(pod, old)...)
	if len(errs) > 0 {
		return errs
	}
	if !api.Equal(withMutableOf(pod, old), &old.Spec) {
		return field.ErrorList{field.Forbidden(specPath, podImmutable)}
	}
	return nil
}

func validateImages(pod, old *corev1.Pod) field.ErrorList {
	var errs field.ErrorList
	check := func(new, old []corev1.Container, list *field.Path) {
		for i := range new {
			if new[i].Image != old[i].Image && strings.TrimSpace(new[i].Image) == "" {
				errs = append(errs, field.Required(list.Index(i).Child("image"), ""))
			}
		}
	}
	check(pod.Spec.Containers, old.Spec.Containers, specPath.Child("containers"))
	check(pod.Spec.InitContainers, old.Spec.InitContainers, specPath.Child("initContainers"))
	return errs
}

func validateDeadlineUpdate(pod, old *corev1.Pod) field.ErrorList {
	now, was := pod.Spec.ActiveDeadlineSeconds, old.Spec.ActiveDeadlineSeconds
	path := specPath.Child("activeDeadlineSeconds")
	switch {
	case now != nil && (*now < 0 || *now > math.MaxInt32):
		return field.ErrorList{field.Invalid(path, *now, "must be between 0 and 2147483647, inclusive")}
	case now != nil && was != nil && *now > *was:
		return field.ErrorList{field.Invalid(path, *now, "must be less than or equal to previous value")}
	case now == nil && was != nil:
		return field.ErrorList{field.Invalid(path, now, "must not update from a positive integer to nil value")}
	}
	return nil
}

func validateGatesUpdate(pod, old *corev1.Pod) field.ErrorList {
	var errs field.ErrorList
	for i, g := range pod.Spec.SchedulingGates {
		kept := false
		for _, o := range old.Spec.SchedulingGates {
			kept = kept || o == g
		}
		if !kept {
			errs = append(errs, field.Forbidden(specPath.Child("schedulingGates").Index(i).Child("name"), "only deletion is allowed, but found new scheduling gate '"+g.Name+"'"))
		}
	}
	return errs
}

func onlyAddsTolerations(pod, old *corev1.Pod) field.ErrorList {
	for i := range old.Spec.Tolerations {
		found := false
		for j := range pod.Spec.Tolerations {
			o, n := old.Spec.Tolerations[i], pod.Spec.Tolerations[j]
			o.TolerationSeconds = n.TolerationSeconds
			found = found || o == n
		}
		if !found {
			return field.ErrorList{field.Forbidden(specPath.Child("tolerations"), "existing toleration can not be modified except its tolerationSeconds")}
		}
	}
	return nil
}

// withMutableOf returns pod's spec with every field that may change set back to old's.
func withMutableOf(pod, old *corev1.Pod) *corev1.PodSpec {
	s := pod.Spec.DeepCopy()
	for i := range s.Containers {
		s.Containers[i].Image = old.Spec.Containers[i].Image
	}
	for i := range s.InitContainers {
		s.InitContainers[i].Image = old.Spec.InitContainers[i].Image
	}
	s.ActiveDeadlineSeconds = old.Spec.ActiveDeadlineSeconds
	s.SchedulingGates = old.Spec.SchedulingGates
	s.Tolerations = old.Spec.Tolerations
	if g, was := s.TerminationGracePeriodSeconds, old.Spec.TerminationGracePeriodSeconds; g != nil && was != nil && *was < 0 && *g == 1 {
		s.TerminationGracePeriodSeconds = was
	}
	if len(old.Spec.SchedulingGates) > 0 {
		// A gated pod may still narrow where it goes.
		s.NodeSelector, s.Affinity = old.Spec.NodeSelector, old.Spec.Affinity
	}
	return s
}

// validatePodStatus refuses what no status may do.
func validatePodStatus(pod, old *corev1.Pod) field.ErrorList {
	var errs field.ErrorList
	if n := pod.Status.NominatedNodeName; n != old.Status.NominatedNodeName && n != "" {
		errs = append(errs, checkSubdomain(n, statusPath.Child("nominatedNodeName"))...)
	}
	if pod.Status.QOSClass != old.Status.QOSClass && old.Status.QOSClass != "" {
		errs = append(errs, field.Invalid(statusPath.Child("qosClass"), pod.Status.QOSClass, fieldImmutable))
	}
	errs = append(errs, noRestartAfterEnd(pod.Status.ContainerStatuses, old.Status.ContainerStatuses, old.Spec.RestartPolicy, containerStatusesPath)...)
	if pod.Status.ObservedGeneration < 0 {
		errs = append(errs, nonNegative(pod.Status.ObservedGeneration, statusPath.Child("observedGeneration"))...)
	}
	return errs
}

// noRestartAfterEnd keeps a container that ended for good from running again.
func noRestartAfterEnd(now, old []corev1.ContainerStatus, policy corev1.RestartPolicy, path *field.Path) field.ErrorList {
	if policy == corev1.RestartPolicyAlways {
		return nil
	}
	var errs field.ErrorList
	for i := range old {
		t := old[i].State.Terminated
		if t == nil || t.ExitCode != 0 && policy == corev1.RestartPolicyOnFailure {
			continue
		}
		for j := range now {
			if now[j].Name == old[i].Name && now[j].State.Terminated == nil {
				errs = append(errs, field.Forbidden(path.Index(j).Child("state"), "may not be transitioned to non-terminated state"))
			}
		}
	}
	return errs
}
