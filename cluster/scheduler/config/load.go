package config

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	configv1 "k8s.io/kube-scheduler/config/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	schedulerruntime "github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/gpushare"
	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// Configuration is a checked configuration.
type Configuration struct {
	file     configv1.KubeSchedulerConfiguration // with defaults
	profiles []scheduler.Profile
	noHints  bool
	noBatch  bool
	async    bool                  // API calls
	tie      *schedulerruntime.Tie // nil leaves it to the scheduler
	groups   bool
	gangs    bool
}

// Options are what kube-scheduler gets besides the file.
type Options struct {
	// Gates are the feature gates that are set.
	Gates map[string]bool
	// OutOfTree builds plugins that are not kube-scheduler's own, by name.
	OutOfTree map[string]Factory
	// Policy stands for a file: see Policies. A file has to name the plugin instead.
	Policy string
	// Workload is what FGD keeps nodes fit for; if there is none, it is learned from the pods that come.
	Workload []policies.TypicalPod
	// Ties says who wins among equal nodes: upstream, random or name. Empty is by name with a policy, otherwise upstream.
	Ties string
}

// Factory builds a plugin from its arguments in the file; nil if it has none there.
type Factory func(args *runtime.Unknown, h *framework.Handle) (framework.Plugin, error)

var codecs = func() serializer.CodecFactory {
	scheme := runtime.NewScheme()
	utilruntime.Must(configv1.AddToScheme(scheme))
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict)
}()

// Load reads a file, in YAML or JSON. name stands before every complaint.
func Load(name string, data []byte, o Options) (*Configuration, error) {
	c, err := load(data, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// Default is the configuration of a scheduler without a file: the default profile, or that of the policy.
func Default(o Options) (*Configuration, error) {
	if err := checkPolicy(o.Policy); err != nil {
		return nil, err
	}
	if o.Policy != "" {
		return finish(policyFile(o.Policy), o)
	}
	return finish(&configv1.KubeSchedulerConfiguration{}, o)
}

func load(data []byte, o Options) (*Configuration, error) {
	if o.Policy != "" {
		return nil, fmt.Errorf("a policy (%s) stands in place of a file: have the file enable its plugin, one of %s", o.Policy, strings.Join(gpushare.Names(), ", "))
	}
	decoder := codecs.UniversalDeserializer()
	object, _, err := decoder.Decode(data, nil, nil)
	if err != nil {
		return nil, err
	}
	file, ok := object.(*configv1.KubeSchedulerConfiguration)
	if !ok {
		return nil, fmt.Errorf("couldn't decode as KubeSchedulerConfiguration, got %s", object.GetObjectKind().GroupVersionKind())
	}
	if err := file.DecodeNestedObjects(decoder); err != nil {
		return nil, err
	}
	return finish(file, o)
}

// finish fills in defaults, checks everything and builds the plugins once, on a handle that is thrown away: complaints come now, not when
// the scheduler starts.
func finish(file *configv1.KubeSchedulerConfiguration, o Options) (*Configuration, error) {
	if err := checkGates(o.Gates); err != nil {
		return nil, err
	}
	setDefaults(file)
	if errs := validate(file); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	if err := ignoreManaged(file, o); err != nil {
		return nil, err
	}
	tie, err := o.tie()
	if err != nil {
		return nil, err
	}
	c := &Configuration{
		file: *file, noHints: !o.enabled("SchedulerQueueingHints"), noBatch: !o.enabled("OpportunisticBatching"), async: o.enabled("SchedulerAsyncAPICalls"),
		tie: tie, groups: o.enabled("GenericWorkload"), gangs: o.enabled("GangScheduling"),
	}
	for i := range file.Profiles {
		profile, err := buildProfile(&file.Profiles[i], o)
		if err != nil {
			return nil, err
		}
		if err := profile.Check(); err != nil {
			return nil, err
		}
		c.profiles = append(c.profiles, profile)
	}
	return c, nil
}

// SchedulerNames lists the profiles.
func (c *Configuration) SchedulerNames() []string {
	var names []string
	for _, p := range c.profiles {
		names = append(names, p.SchedulerName)
	}
	return names
}

// Apply makes a scheduler be configured so. An Identity that was given is dropped where the file turns election off.
func (c *Configuration) Apply(s *scheduler.Config) {
	f := &c.file
	s.Profiles, s.WithoutHints, s.WithoutBatching, s.AsyncAPICalls = c.profiles, c.noHints, c.noBatch, c.async
	s.PodGroups, s.GangScheduling = c.groups, c.gangs
	s.Extenders = f.Extenders
	s.PercentageOfNodesToScore = *f.PercentageOfNodesToScore
	s.InitialBackoff = time.Duration(*f.PodInitialBackoffSeconds) * time.Second
	s.MaxBackoff = time.Duration(*f.PodMaxBackoffSeconds) * time.Second
	if c.tie != nil {
		s.Tie = *c.tie
	}
	if s.QPSMilli == 0 {
		s.QPSMilli, s.Burst = int64(float64(f.ClientConnection.QPS)*1000), int(f.ClientConnection.Burst)
	}
	if !*f.LeaderElection.LeaderElect {
		s.Identity = ""
	}
	s.Election = scheduler.Election{
		Namespace: f.LeaderElection.ResourceNamespace, Name: f.LeaderElection.ResourceName,
		LeaseDuration: f.LeaderElection.LeaseDuration.Duration, RenewDeadline: f.LeaderElection.RenewDeadline.Duration,
		RetryPeriod: f.LeaderElection.RetryPeriod.Duration,
	}
}
