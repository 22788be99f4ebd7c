package registry

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func containerNames(s *corev1.PodSpec) string {
	var names []string
	for i := range s.Containers {
		names = append(names, s.Containers[i].Name)
	}
	return strings.Join(names, ",")
}

func containerImages(s *corev1.PodSpec) string {
	var images []string
	for i := range s.Containers {
		images = append(images, s.Containers[i].Image)
	}
	return strings.Join(images, ",")
}

// templateColumns are the wide columns of everything with a pod template and a selector.
func templateColumns[T any](of func(*T) (*corev1.PodTemplateSpec, *metav1.LabelSelector)) []column {
	return []column{
		wideText("CONTAINERS", func(o *T) string { t, _ := of(o); return containerNames(&t.Spec) }),
		wideText("IMAGES", func(o *T) string { t, _ := of(o); return containerImages(&t.Spec) }),
		wideText("SELECTOR", func(o *T) string { _, s := of(o); return metav1.FormatLabelSelector(s) }),
	}
}

var deploymentColumns = append([]column{
	nameColumn,
	text("READY", func(d *appsv1.Deployment) string {
		return fmt.Sprintf("%d/%d", d.Status.ReadyReplicas, *d.Spec.Replicas)
	}),
	number("UP-TO-DATE", func(d *appsv1.Deployment) int32 { return d.Status.UpdatedReplicas }),
	number("AVAILABLE", func(d *appsv1.Deployment) int32 { return d.Status.AvailableReplicas }),
	ageColumn,
}, templateColumns(func(d *appsv1.Deployment) (*corev1.PodTemplateSpec, *metav1.LabelSelector) {
	return &d.Spec.Template, d.Spec.Selector
})...)

var replicaSetColumns = append([]column{
	nameColumn,
	number("DESIRED", func(rs *appsv1.ReplicaSet) int32 { return *rs.Spec.Replicas }),
	number("CURRENT", func(rs *appsv1.ReplicaSet) int32 { return rs.Status.Replicas }),
	number("READY", func(rs *appsv1.ReplicaSet) int32 { return rs.Status.ReadyReplicas }),
	ageColumn,
}, templateColumns(func(rs *appsv1.ReplicaSet) (*corev1.PodTemplateSpec, *metav1.LabelSelector) {
	return &rs.Spec.Template, rs.Spec.Selector
})...)

var daemonSetColumns = append([]column{
	nameColumn,
	number("DESIRED", func(d *appsv1.DaemonSet) int32 { return d.Status.DesiredNumberScheduled }),
	number("CURRENT", func(d *appsv1.DaemonSet) int32 { return d.Status.CurrentNumberScheduled }),
	number("READY", func(d *appsv1.DaemonSet) int32 { return d.Status.NumberReady }),
	number("UP-TO-DATE", func(d *appsv1.DaemonSet) int32 { return d.Status.UpdatedNumberScheduled }),
	number("AVAILABLE", func(d *appsv1.DaemonSet) int32 { return d.Status.NumberAvailable }),
	text("NODE SELECTOR", func(d *appsv1.DaemonSet) string { return joinLabels(d.Spec.Template.Spec.NodeSelector) }),
	ageColumn,
}, templateColumns(func(d *appsv1.DaemonSet) (*corev1.PodTemplateSpec, *metav1.LabelSelector) {
	return &d.Spec.Template, d.Spec.Selector
})...)

var statefulSetColumns = []column{
	nameColumn,
	text("READY", func(s *appsv1.StatefulSet) string {
		return fmt.Sprintf("%d/%d", s.Status.ReadyReplicas, *s.Spec.Replicas)
	}),
	ageColumn,
	wideText("CONTAINERS", func(s *appsv1.StatefulSet) string { return containerNames(&s.Spec.Template.Spec) }),
	wideText("IMAGES", func(s *appsv1.StatefulSet) string { return containerImages(&s.Spec.Template.Spec) }),
}

var revisionColumns = []column{
	nameColumn,
	text("CONTROLLER", func(r *appsv1.ControllerRevision) string {
		ref := api.ControllerOf(&r.ObjectMeta)
		if ref == nil {
			return "<none>"
		}
		group, _, _ := strings.Cut(ref.APIVersion, "/")
		return strings.ToLower(ref.Kind) + "." + group + "/" + ref.Name
	}),
	number("REVISION", func(r *appsv1.ControllerRevision) int { return int(r.Revision) }),
	ageColumn,
}

var jobColumns = []column{
	nameColumn,
	text("STATUS", jobWord),
	text("COMPLETIONS", func(j *batchv1.Job) string {
		switch {
		case j.Spec.Completions != nil:
			return fmt.Sprintf("%d/%d", j.Status.Succeeded, *j.Spec.Completions)
		case *j.Spec.Parallelism > 1:
			return fmt.Sprintf("%d/1 of %d", j.Status.Succeeded, *j.Spec.Parallelism)
		}
		return fmt.Sprintf("%d/1", j.Status.Succeeded)
	}),
	{name: "DURATION", cell: func(o api.Object, now time.Time) string {
		j := o.(*batchv1.Job)
		switch {
		case j.Status.StartTime == nil:
			return ""
		case j.Status.CompletionTime != nil:
			now = j.Status.CompletionTime.Time
		}
		return age(j.Status.StartTime.Time, now)
	}},
	ageColumn,
}

func jobWord(j *batchv1.Job) string {
	is := make(map[batchv1.JobConditionType]bool)
	for _, c := range j.Status.Conditions {
		is[c.Type] = c.Status == corev1.ConditionTrue
	}
	switch {
	case is[batchv1.JobComplete]:
		return "Complete"
	case is[batchv1.JobFailed]:
		return "Failed"
	case j.DeletionTimestamp != nil:
		return "Terminating"
	case is[batchv1.JobSuspended]:
		return "Suspended"
	case is[batchv1.JobFailureTarget]:
		return "FailureTarget"
	case is[batchv1.JobSuccessCriteriaMet]:
		return "SuccessCriteriaMet"
	}
	return "Running"
}

var cronJobColumns = []column{
	nameColumn,
	text("SCHEDULE", func(c *batchv1.CronJob) string { return c.Spec.Schedule }),
	text("TIMEZONE", func(c *batchv1.CronJob) string { return orNone(api.Deref(c.Spec.TimeZone, "")) }),
	text("SUSPEND", func(c *batchv1.CronJob) string {
		if *c.Spec.Suspend {
			return "True"
		}
		return "False"
	}),
	number("ACTIVE", func(c *batchv1.CronJob) int { return len(c.Status.Active) }),
	{name: "LAST SCHEDULE", cell: func(o api.Object, now time.Time) string {
		last := o.(*batchv1.CronJob).Status.LastScheduleTime
		if last == nil {
			return "<none>"
		}
		return age(last.Time, now)
	}},
	ageColumn,
}

var budgetColumns = []column{
	nameColumn,
	text("MIN AVAILABLE", func(b *policyv1.PodDisruptionBudget) string {
		if b.Spec.MinAvailable == nil {
			return "N/A"
		}
		return b.Spec.MinAvailable.String()
	}),
	text("MAX UNAVAILABLE", func(b *policyv1.PodDisruptionBudget) string {
		if b.Spec.MaxUnavailable == nil {
			return "N/A"
		}
		return b.Spec.MaxUnavailable.String()
	}),
	number("ALLOWED DISRUPTIONS", func(b *policyv1.PodDisruptionBudget) int32 { return b.Status.DisruptionsAllowed }),
	ageColumn,
}

var priorityClassColumns = []column{
	nameColumn,
	number("VALUE", func(c *schedulingv1.PriorityClass) int32 { return c.Value }),
	text("GLOBAL-DEFAULT", func(c *schedulingv1.PriorityClass) string { return strconv.FormatBool(c.GlobalDefault) }),
	ageColumn,
	text("PREEMPTIONPOLICY", func(c *schedulingv1.PriorityClass) string { return string(*c.PreemptionPolicy) }),
}

var autoscalerColumns = []column{
	nameColumn,
	text("REFERENCE", func(h *autoscalingv2.HorizontalPodAutoscaler) string {
		return h.Spec.ScaleTargetRef.Kind + "/" + h.Spec.ScaleTargetRef.Name
	}),
	number("MINPODS", func(h *autoscalingv2.HorizontalPodAutoscaler) int32 { return *h.Spec.MinReplicas }),
	number("MAXPODS", func(h *autoscalingv2.HorizontalPodAutoscaler) int32 { return h.Spec.MaxReplicas }),
	number("REPLICAS", func(h *autoscalingv2.HorizontalPodAutoscaler) int32 { return h.Status.CurrentReplicas }),
	ageColumn,
}

var leaseColumns = []column{
	nameColumn,
	text("HOLDER", func(l *coordinationv1.Lease) string { return api.Deref(l.Spec.HolderIdentity, "") }),
	ageColumn,
}

var endpointSliceColumns = []column{
	nameColumn,
	text("ADDRESSTYPE", func(s *discoveryv1.EndpointSlice) string { return string(s.AddressType) }),
	text("PORTS", func(s *discoveryv1.EndpointSlice) string {
		var parts []string
		for _, p := range s.Ports {
			if p.Port != nil {
				parts = append(parts, strconv.Itoa(int(*p.Port)))
			}
		}
		if len(parts) == 0 {
			return "<unset>"
		}
		return strings.Join(parts, ",")
	}),
	text("ENDPOINTS", func(s *discoveryv1.EndpointSlice) string {
		var parts []string
		for i := range s.Endpoints {
			parts = append(parts, s.Endpoints[i].Addresses...)
		}
		if len(parts) == 0 {
			return "<unset>"
		}
		if extra := len(parts) - 3; extra > 0 {
			return fmt.Sprintf("%s + %d more...", strings.Join(parts[:3], ","), extra)
		}
		return strings.Join(parts, ",")
	}),
	ageColumn,
}
