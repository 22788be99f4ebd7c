package registry

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

var podColumns = []column{
	nameColumn,
	text("READY", func(p *corev1.Pod) string {
		ready := 0
		for i := range p.Status.ContainerStatuses {
			if s := &p.Status.ContainerStatuses[i]; s.Ready && s.State.Running != nil {
				ready++
			}
		}
		return fmt.Sprintf("%d/%d", ready, len(p.Spec.Containers))
	}),
	text("STATUS", podStatusWord),
	{name: "RESTARTS", cell: podRestarts},
	ageColumn,
	wideText("IP", func(p *corev1.Pod) string { return orNone(p.Status.PodIP) }),
	wideText("NODE", func(p *corev1.Pod) string { return orNone(p.Spec.NodeName) }),
	wideText("NOMINATED NODE", func(p *corev1.Pod) string { return orNone(p.Status.NominatedNodeName) }),
}

// podStatusWord is kubectl's one word for what a pod is doing: the phase, unless a container or the pod's end says more.
func podStatusWord(p *corev1.Pod) string {
	word := string(p.Status.Phase)
	if p.Status.Reason != "" {
		word = p.Status.Reason
	}
	if c := api.PodCondition(p, corev1.PodScheduled); c != nil && c.Reason == corev1.PodReasonSchedulingGated {
		word = corev1.PodReasonSchedulingGated
	}
	if init, initialising := initWord(p); initialising {
		word = init
	} else {
		word = containersWord(p, word)
	}
	if p.DeletionTimestamp == nil {
		return word
	}
	if p.Status.Reason == "NodeLost" {
		return "Unknown"
	}
	if !api.IsPodTerminal(p) {
		return "Terminating"
	}
	return word
}

func initWord(p *corev1.Pod) (string, bool) {
	for i := range p.Status.InitContainerStatuses {
		s := &p.Status.InitContainerStatuses[i]
		switch t, w := s.State.Terminated, s.State.Waiting; {
		case t != nil && t.ExitCode == 0:
			continue
		case sidecarStarted(p, i):
			continue
		case t != nil && t.Reason != "":
			return "Init:" + t.Reason, true
		case t != nil:
			return fmt.Sprintf("Init:ExitCode:%d", t.ExitCode), true
		case w != nil && w.Reason != "" && w.Reason != "PodInitializing":
			return "Init:" + w.Reason, true
		}
		return fmt.Sprintf("Init:%d/%d", i, len(p.Spec.InitContainers)), true
	}
	return "", false
}

func sidecarStarted(p *corev1.Pod, i int) bool {
	if i >= len(p.Spec.InitContainers) {
		return false
	}
	policy := p.Spec.InitContainers[i].RestartPolicy
	return policy != nil && *policy == corev1.ContainerRestartPolicyAlways && api.Deref(p.Status.InitContainerStatuses[i].Started, false)
}

func containersWord(p *corev1.Pod, word string) string {
	running := false
	for i := len(p.Status.ContainerStatuses) - 1; i >= 0; i-- {
		s := &p.Status.ContainerStatuses[i]
		switch t, w := s.State.Terminated, s.State.Waiting; {
		case w != nil && w.Reason != "":
			word = w.Reason
		case t != nil && t.Reason != "":
			word = t.Reason
		case t != nil && t.Signal != 0:
			word = fmt.Sprintf("Signal:%d", t.Signal)
		case t != nil:
			word = fmt.Sprintf("ExitCode:%d", t.ExitCode)
		case s.Ready && s.State.Running != nil:
			running = true
		}
	}
	if word == "Completed" && running {
		if api.IsPodReady(p) {
			return "Running"
		}
		return "NotReady"
	}
	return word
}

func podRestarts(o api.Object, now time.Time) string {
	p := o.(*corev1.Pod)
	restarts, last := int32(0), time.Time{}
	for i := range p.Status.ContainerStatuses {
		s := &p.Status.ContainerStatuses[i]
		restarts += s.RestartCount
		if t := s.LastTerminationState.Terminated; t != nil && t.FinishedAt.After(last) {
			last = t.FinishedAt.Time
		}
	}
	if restarts == 0 || last.IsZero() {
		return strconv.Itoa(int(restarts))
	}
	return fmt.Sprintf("%d (%s ago)", restarts, age(last, now))
}

var nodeColumns = []column{
	nameColumn,
	text("STATUS", func(n *corev1.Node) string {
		word := "Unknown"
		if c := api.NodeCondition(n, corev1.NodeReady); c != nil {
			word = "NotReady"
			if c.Status == corev1.ConditionTrue {
				word = "Ready"
			}
		}
		if n.Spec.Unschedulable {
			word += ",SchedulingDisabled"
		}
		return word
	}),
	text("ROLES", func(n *corev1.Node) string {
		var roles []string
		for _, k := range sortedKeys(n.Labels) {
			if role, is := strings.CutPrefix(k, "node-role.kubernetes.io/"); is && role != "" {
				roles = append(roles, role)
			}
		}
		return orNone(strings.Join(roles, ","))
	}),
	ageColumn,
	text("VERSION", func(n *corev1.Node) string { return n.Status.NodeInfo.KubeletVersion }),
}

var namespaceColumns = []column{
	nameColumn, text("STATUS", func(n *corev1.Namespace) string { return string(n.Status.Phase) }), ageColumn,
}

var serviceColumns = []column{
	nameColumn,
	text("TYPE", func(s *corev1.Service) string { return string(s.Spec.Type) }),
	text("CLUSTER-IP", func(s *corev1.Service) string { return orNone(s.Spec.ClusterIP) }),
	text("EXTERNAL-IP", externalIP),
	text("PORT(S)", func(s *corev1.Service) string {
		var parts []string
		for _, p := range s.Spec.Ports {
			part := strconv.Itoa(int(p.Port))
			if p.NodePort != 0 {
				part += ":" + strconv.Itoa(int(p.NodePort))
			}
			parts = append(parts, part+"/"+string(p.Protocol))
		}
		return orNone(strings.Join(parts, ","))
	}),
	ageColumn,
	wideText("SELECTOR", func(s *corev1.Service) string { return joinLabels(s.Spec.Selector) }),
}

func externalIP(s *corev1.Service) string {
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return s.Spec.ExternalName
	}
	ips := s.Spec.ExternalIPs
	for _, in := range s.Status.LoadBalancer.Ingress {
		ips = api.Append(ips, in.IP)
	}
	if len(ips) == 0 && s.Spec.Type == corev1.ServiceTypeLoadBalancer {
		return "<pending>"
	}
	return orNone(strings.Join(ips, ","))
}

var endpointsColumns = []column{
	nameColumn,
	text("ENDPOINTS", func(e *corev1.Endpoints) string {
		var parts []string
		for i := range e.Subsets {
			for _, a := range e.Subsets[i].Addresses {
				for _, p := range e.Subsets[i].Ports {
					parts = append(parts, a.IP+":"+strconv.Itoa(int(p.Port)))
				}
			}
		}
		if extra := len(parts) - 3; extra > 0 {
			return fmt.Sprintf("%s + %d more...", strings.Join(parts[:3], ","), extra)
		}
		return orNone(strings.Join(parts, ","))
	}),
	ageColumn,
}

var (
	configMapColumns = []column{nameColumn, number("DATA", func(c *corev1.ConfigMap) int { return len(c.Data) + len(c.BinaryData) }), ageColumn}
	secretColumns    = []column{nameColumn,
		text("TYPE", func(s *corev1.Secret) string { return string(s.Type) }),
		number("DATA", func(s *corev1.Secret) int { return len(s.Data) }), ageColumn}
	serviceAccountColumns = []column{nameColumn, number("SECRETS", func(s *corev1.ServiceAccount) int { return len(s.Secrets) }), ageColumn}
)

var eventColumns = []column{
	{name: "LAST SEEN", cell: func(o api.Object, now time.Time) string { return age(lastSeen(o.(*corev1.Event)), now) }},
	text("TYPE", func(e *corev1.Event) string { return e.Type }),
	text("REASON", func(e *corev1.Event) string { return e.Reason }),
	text("OBJECT", func(e *corev1.Event) string {
		return strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name
	}),
	text("MESSAGE", func(e *corev1.Event) string { return strings.TrimSpace(e.Message) }),
}

func lastSeen(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.FirstTimestamp.Time
}

var volumeColumns = []column{
	nameColumn,
	text("CAPACITY", func(v *corev1.PersistentVolume) string { return v.Spec.Capacity.Storage().String() }),
	text("ACCESS MODES", func(v *corev1.PersistentVolume) string { return shortModes(v.Spec.AccessModes) }),
	text("RECLAIM POLICY", func(v *corev1.PersistentVolume) string { return string(v.Spec.PersistentVolumeReclaimPolicy) }),
	text("STATUS", func(v *corev1.PersistentVolume) string { return string(v.Status.Phase) }),
	text("CLAIM", func(v *corev1.PersistentVolume) string {
		if v.Spec.ClaimRef == nil {
			return ""
		}
		return v.Spec.ClaimRef.Namespace + "/" + v.Spec.ClaimRef.Name
	}),
	text("STORAGECLASS", func(v *corev1.PersistentVolume) string { return v.Spec.StorageClassName }),
	text("REASON", func(v *corev1.PersistentVolume) string { return v.Status.Reason }),
	ageColumn,
}

func shortModes(modes []corev1.PersistentVolumeAccessMode) string {
	short := map[corev1.PersistentVolumeAccessMode]string{
		corev1.ReadWriteOnce: "RWO", corev1.ReadOnlyMany: "ROX", corev1.ReadWriteMany: "RWX", corev1.ReadWriteOncePod: "RWOP",
	}
	var parts []string
	for _, m := range modes {
		parts = append(parts, short[m])
	}
	return strings.Join(parts, ",")
}

var claimColumns = []column{
	nameColumn,
	text("STATUS", func(c *corev1.PersistentVolumeClaim) string {
		if c.DeletionTimestamp != nil {
			return "Terminating"
		}
		return string(c.Status.Phase)
	}),
	text("VOLUME", func(c *corev1.PersistentVolumeClaim) string { return c.Spec.VolumeName }),
	text("CAPACITY", func(c *corev1.PersistentVolumeClaim) string {
		if c.Spec.VolumeName == "" {
			return ""
		}
		return c.Status.Capacity.Storage().String()
	}),
	text("ACCESS MODES", func(c *corev1.PersistentVolumeClaim) string { return shortModes(c.Status.AccessModes) }),
	text("STORAGECLASS", func(c *corev1.PersistentVolumeClaim) string { return api.Deref(c.Spec.StorageClassName, "") }),
	ageColumn,
}

var (
	storageClassColumns = []column{
		nameColumn,
		text("PROVISIONER", func(c *storagev1.StorageClass) string { return c.Provisioner }),
		text("RECLAIMPOLICY", func(c *storagev1.StorageClass) string { return string(*c.ReclaimPolicy) }),
		text("VOLUMEBINDINGMODE", func(c *storagev1.StorageClass) string { return string(*c.VolumeBindingMode) }),
		text("ALLOWVOLUMEEXPANSION", func(c *storagev1.StorageClass) string {
			return strconv.FormatBool(api.Deref(c.AllowVolumeExpansion, false))
		}),
		ageColumn,
	}
	attachmentColumns = []column{
		nameColumn,
		text("ATTACHER", func(a *storagev1.VolumeAttachment) string { return a.Spec.Attacher }),
		text("PV", func(a *storagev1.VolumeAttachment) string { return api.Deref(a.Spec.Source.PersistentVolumeName, "") }),
		text("NODE", func(a *storagev1.VolumeAttachment) string { return a.Spec.NodeName }),
		text("ATTACHED", func(a *storagev1.VolumeAttachment) string { return strconv.FormatBool(a.Status.Attached) }),
		ageColumn,
	}
	quotaColumns = []column{
		nameColumn,
		text("REQUEST", func(q *corev1.ResourceQuota) string { return quotaShares(q, false) }),
		text("LIMIT", func(q *corev1.ResourceQuota) string { return quotaShares(q, true) }),
		ageColumn,
	}
)

func quotaShares(q *corev1.ResourceQuota, limits bool) string {
	var parts []string
	for _, name := range sortedKeys(q.Status.Hard) {
		if strings.HasPrefix(string(name), "limits.") != limits {
			continue
		}
		used, hard := q.Status.Used[name], q.Status.Hard[name]
		parts = append(parts, fmt.Sprintf("%s: %s/%s", name, used.String(), hard.String()))
	}
	return strings.Join(parts, ", ")
}
