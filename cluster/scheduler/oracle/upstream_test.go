package oracle

import (
	"context"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/testing/defaults"
	icache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	iqueue "k8s.io/kubernetes/pkg/scheduler/backend/queue"
	uframework "k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodevolumelimits"
	uruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"

	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetLogger(logr.Discard())
	metrics.Register()
	m.Run()
}

// upstream is kube-scheduler's own code over informers that never start: their stores are filled by hand.
type upstream struct {
	cache    icache.Cache
	snapshot *icache.Snapshot
	fw       uframework.Framework
	known    informers.SharedInformerFactory
	// plugins by name, each asked on its own.
	plugins map[string]fwk.Plugin
}

// leftOut are the plugins that are not compared, and why (doc.go).
var leftOut = map[string]bool{"DynamicResources": true}

func newUpstream(fakes *testcluster.Fakes) *upstream {
	ctx := context.Background()
	client := fake.NewClientset()
	u := &upstream{snapshot: icache.NewEmptySnapshot(), cache: icache.New(ctx, nil, false), known: informers.NewSharedInformerFactory(client, 0)}
	enabled := defaults.PluginsV1.DeepCopy()
	var keep []config.Plugin
	for _, p := range enabled.MultiPoint.Enabled {
		// Preemption is asked apart: it would delete pods.
		if !leftOut[p.Name] && p.Name != "DefaultPreemption" {
			keep = append(keep, p)
		}
	}
	enabled.MultiPoint.Enabled = keep
	registry := plugins.NewInTreeRegistry()
	fw, err := uruntime.NewFramework(ctx, registry,
		&config.KubeSchedulerProfile{SchedulerName: "default-scheduler", Plugins: enabled, PluginConfig: defaults.PluginConfigsV1},
		uruntime.WithSnapshotSharedLister(u.snapshot), uruntime.WithInformerFactory(u.known), uruntime.WithClientSet(client),
		uruntime.WithSharedCSIManager(nodevolumelimits.NewCSIManager(u.known.Storage().V1().CSINodes().Lister())),
		uruntime.WithParallelism(1), uruntime.WithPodNominator(iqueue.NewSchedulingQueue(nil, u.known)))
	if err != nil {
		panic(err)
	}
	u.fw = fw
	u.buildPlugins(ctx, registry, keep)
	u.fill(fakes)
	return u
}

func (u *upstream) buildPlugins(ctx context.Context, registry uruntime.Registry, enabled []config.Plugin) {
	u.plugins = map[string]fwk.Plugin{}
	for _, e := range enabled {
		var args config.PluginConfig
		for _, c := range defaults.PluginConfigsV1 {
			if c.Name == e.Name {
				args = c
			}
		}
		plugin, err := registry[e.Name](ctx, args.Args, u.fw)
		if err != nil {
			panic(err)
		}
		u.plugins[e.Name] = plugin
	}
}

func add[T any](to cache.SharedIndexInformer, objects []T) {
	for _, o := range objects {
		if err := to.GetIndexer().Add(o); err != nil {
			panic(err)
		}
	}
}

// fill puts into the informers what the fakes know.
func (u *upstream) fill(fakes *testcluster.Fakes) {
	core := u.known.Core().V1()
	add(core.Namespaces().Informer(), fakes.NS)
	add(core.Services().Informer(), fakes.Svcs)
	for _, rs := range fakes.RSs {
		if err := u.known.Apps().V1().ReplicaSets().Informer().GetIndexer().Add(rs); err != nil {
			panic(err)
		}
	}
	add(core.PersistentVolumeClaims().Informer(), fakes.Volumes.Claims)
	add(core.PersistentVolumes().Informer(), fakes.Volumes.PVs)
	storage := u.known.Storage().V1()
	add(storage.StorageClasses().Informer(), fakes.Volumes.Classes)
	add(storage.CSINodes().Informer(), fakes.Volumes.CSINodes)
	add(storage.CSIDrivers().Informer(), fakes.Volumes.Drivers)
	add(storage.VolumeAttachments().Informer(), fakes.Volumes.Attachments)
}
