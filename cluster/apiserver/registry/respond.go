package registry

import "github.com/fauxkube/fauxkube/cluster/api"

// returnsDeleted are the resources whose delete answers with the object instead of a bare success.
var returnsDeleted = map[*api.Resource]bool{
	api.Pods: true, api.PersistentVolumes: true, api.PersistentVolumeClaims: true, api.ServiceAccounts: true,
	api.ResourceQuotas: true, api.Services: true, api.Namespaces: true, api.PodDisruptionBudgets: false,
}

func (e *Entry) respond(out Outcome) Outcome {
	gone := out.Action == Remove || out.Action == WriteThenRemove
	out.Bare = gone && !returnsDeleted[e.Storage]
	return out
}
