package registry

import (
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Shared values of defaulted pointers. They are never written to.
var (
	defaultGraceSeconds = api.Ptr(int64(corev1.DefaultTerminationGracePeriodSeconds))
	defaultServiceLinks = api.Ptr(corev1.DefaultEnableServiceLinks)
	defaultFileMode     = api.Ptr(int32(corev1.SecretVolumeSourceDefaultMode))
	emptySecurity       = &corev1.PodSecurityContext{}
	unsetHostPath       = api.Ptr(corev1.HostPathUnset)
	filesystemMode      = api.Ptr(corev1.PersistentVolumeFilesystem)
)

// defaultPod fills a pod. pod is a shallow copy: its containers are cloned here, since nearly every pod gets its token
// mounted into them, and what is behind them is copied only where it changes.
func defaultPod(pod *corev1.Pod) {
	s := &pod.Spec
	defaultPodSpec(s)
	for i := range s.Containers {
		defaultRequests(&s.Containers[i])
	}
	for i := range s.InitContainers {
		defaultRequests(&s.InitContainers[i])
	}
	if s.Resources != nil {
		defaultPodResources(pod)
	}
	if s.EnableServiceLinks == nil {
		s.EnableServiceLinks = defaultServiceLinks
	}
	if s.HostNetwork {
		defaultHostPorts(s.Containers)
		defaultHostPorts(s.InitContainers)
	}
	syncServiceAccount(s)
}

// syncServiceAccount keeps the deprecated field serviceAccount equal to serviceAccountName, as conversion does upstream.
func syncServiceAccount(s *corev1.PodSpec) {
	if s.ServiceAccountName == "" {
		s.ServiceAccountName = s.DeprecatedServiceAccount
	}
	s.DeprecatedServiceAccount = s.ServiceAccountName
}

// defaultPodSpec fills what pods and pod templates have in common.
func defaultPodSpec(s *corev1.PodSpec) {
	if s.DNSPolicy == "" {
		s.DNSPolicy = corev1.DNSClusterFirst
	}
	if s.RestartPolicy == "" {
		s.RestartPolicy = corev1.RestartPolicyAlways
	}
	if s.SecurityContext == nil {
		s.SecurityContext = emptySecurity
	}
	if s.TerminationGracePeriodSeconds == nil {
		s.TerminationGracePeriodSeconds = defaultGraceSeconds
	}
	if s.SchedulerName == "" {
		s.SchedulerName = corev1.DefaultSchedulerName
	}
	syncServiceAccount(s)
	s.Containers = defaultContainers(s.Containers)
	s.InitContainers = defaultContainers(s.InitContainers)
	defaultEphemeral(s)
	if slices.ContainsFunc(s.Volumes, volumeIncomplete) {
		s.Volumes = slices.Clone(s.Volumes)
		for i := range s.Volumes {
			defaultVolume(&s.Volumes[i])
		}
	}
}

func defaultContainers(containers []corev1.Container) []corev1.Container {
	containers = slices.Clone(containers)
	for i := range containers {
		defaultContainer(&containers[i])
	}
	return containers
}

func defaultEphemeral(s *corev1.PodSpec) {
	if len(s.EphemeralContainers) == 0 {
		return
	}
	s.EphemeralContainers = slices.Clone(s.EphemeralContainers)
	for i := range s.EphemeralContainers {
		defaultContainer((*corev1.Container)(&s.EphemeralContainers[i].EphemeralContainerCommon))
	}
}

func defaultContainer(c *corev1.Container) {
	if c.ImagePullPolicy == "" {
		c.ImagePullPolicy = pullPolicy(c.Image)
	}
	if c.TerminationMessagePath == "" {
		c.TerminationMessagePath = corev1.TerminationMessagePathDefault
	}
	if c.TerminationMessagePolicy == "" {
		c.TerminationMessagePolicy = corev1.TerminationMessageReadFile
	}
	if slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Protocol == "" }) {
		c.Ports = slices.Clone(c.Ports)
		for i := range c.Ports {
			if c.Ports[i].Protocol == "" {
				c.Ports[i].Protocol = corev1.ProtocolTCP
			}
		}
	}
	c.Env = defaultEnv(c.Env)
	c.Resources.Limits = wholeMillis(c.Resources.Limits)
	c.Resources.Requests = wholeMillis(c.Resources.Requests)
	c.LivenessProbe = defaultProbe(c.LivenessProbe)
	c.ReadinessProbe = defaultProbe(c.ReadinessProbe)
	c.StartupProbe = defaultProbe(c.StartupProbe)
	if l := c.Lifecycle; l != nil && (hookIncomplete(l.PostStart) || hookIncomplete(l.PreStop)) {
		c.Lifecycle = l.DeepCopy()
		defaultHook(c.Lifecycle.PostStart)
		defaultHook(c.Lifecycle.PreStop)
	}
}

// pullPolicy is Always for an image tagged latest or not at all, unless it is named by digest.
func pullPolicy(image string) corev1.PullPolicy {
	name := image[strings.LastIndexByte(image, '/')+1:]
	if strings.ContainsRune(name, '@') {
		return corev1.PullIfNotPresent
	}
	if _, tag, tagged := strings.Cut(name, ":"); tagged && tag != "latest" {
		return corev1.PullIfNotPresent
	}
	return corev1.PullAlways
}

func envIncomplete(e corev1.EnvVar) bool {
	return e.ValueFrom != nil && e.ValueFrom.FieldRef != nil && e.ValueFrom.FieldRef.APIVersion == ""
}

func defaultEnv(env []corev1.EnvVar) []corev1.EnvVar {
	if !slices.ContainsFunc(env, envIncomplete) {
		return env
	}
	env = slices.Clone(env)
	for i := range env {
		if envIncomplete(env[i]) {
			env[i].ValueFrom = env[i].ValueFrom.DeepCopy()
			env[i].ValueFrom.FieldRef.APIVersion = "v1"
		}
	}
	return env
}

// wholeMillis rounds quantities up to thousandths, the finest the API keeps.
func wholeMillis(l corev1.ResourceList) corev1.ResourceList {
	var out corev1.ResourceList
	for name, q := range l { //sim:unordered builds a map
		rounded := q.DeepCopy()
		if rounded.RoundUp(resource.Milli) {
			continue
		}
		if out == nil {
			out = l.DeepCopy()
		}
		out[name] = rounded
	}
	if out == nil {
		return l
	}
	return out
}

func defaultProbe(p *corev1.Probe) *corev1.Probe {
	if p == nil || p.TimeoutSeconds != 0 && p.PeriodSeconds != 0 && p.SuccessThreshold != 0 && p.FailureThreshold != 0 &&
		!getIncomplete(p.HTTPGet) && (p.GRPC == nil || p.GRPC.Service != nil) {
		return p
	}
	p = p.DeepCopy()
	if p.TimeoutSeconds == 0 {
		p.TimeoutSeconds = 1
	}
	if p.PeriodSeconds == 0 {
		p.PeriodSeconds = 10
	}
	if p.SuccessThreshold == 0 {
		p.SuccessThreshold = 1
	}
	if p.FailureThreshold == 0 {
		p.FailureThreshold = 3
	}
	defaultGet(p.HTTPGet)
	if p.GRPC != nil && p.GRPC.Service == nil {
		p.GRPC.Service = api.Ptr("")
	}
	return p
}

func getIncomplete(g *corev1.HTTPGetAction) bool { return g != nil && (g.Path == "" || g.Scheme == "") }

func defaultGet(g *corev1.HTTPGetAction) {
	if g == nil {
		return
	}
	if g.Path == "" {
		g.Path = "/"
	}
	if g.Scheme == "" {
		g.Scheme = corev1.URISchemeHTTP
	}
}

func hookIncomplete(h *corev1.LifecycleHandler) bool { return h != nil && getIncomplete(h.HTTPGet) }

func defaultHook(h *corev1.LifecycleHandler) {
	if h != nil {
		defaultGet(h.HTTPGet)
	}
}

// defaultRequests makes limits the requests where a container has only limits.
func defaultRequests(c *corev1.Container) {
	var out corev1.ResourceList
	for name, q := range c.Resources.Limits { //sim:unordered builds a map
		if _, has := c.Resources.Requests[name]; has {
			continue
		}
		if out == nil {
			out = c.Resources.Requests.DeepCopy()
			if out == nil {
				out = make(corev1.ResourceList)
			}
		}
		out[name] = q.DeepCopy()
	}
	if out != nil {
		c.Resources.Requests = out
	}
}

func defaultHostPorts(containers []corev1.Container) {
	for i := range containers {
		c := &containers[i]
		c.Ports = slices.Clone(c.Ports)
		for j := range c.Ports {
			if c.Ports[j].HostPort == 0 {
				c.Ports[j].HostPort = c.Ports[j].ContainerPort
			}
		}
	}
}

// defaultPodResources derives pod-level requests: from the containers where they ask for the resource, else from the
// pod-level limits.
func defaultPodResources(pod *corev1.Pod) {
	r := pod.Spec.Resources.DeepCopy()
	pod.Spec.Resources = r
	if len(r.Limits) == 0 {
		return
	}
	if r.Requests == nil {
		r.Requests = make(corev1.ResourceList)
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		sum, asked := sumRequests(pod, name)
		if _, has := r.Requests[name]; !has && asked {
			r.Requests[name] = sum
		}
	}
	for name, q := range r.Limits { //sim:unordered builds a map
		if _, has := r.Requests[name]; !has {
			r.Requests[name] = q.DeepCopy()
		}
	}
}

func sumRequests(pod *corev1.Pod, name corev1.ResourceName) (sum resource.Quantity, asked bool) {
	for i := range pod.Spec.Containers {
		if q, has := pod.Spec.Containers[i].Resources.Requests[name]; has {
			sum.Add(q)
			asked = true
		}
	}
	return sum, asked
}
