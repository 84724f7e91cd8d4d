package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"istio.io/api/annotation"
	"istio.io/api/label"
	networking "istio.io/api/networking/v1alpha3"
	networkingclient "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/schema/gvk"
)

// Adds what runs the proxies: a Pod each, or what istiod makes of a waypoint's Gateway. Returns their addresses.
func place(all *objects, proxies []proxy) []string {
	addServiceDefaults(all)
	addresses := make([]string, 0, len(proxies))
	placed := map[string]string{}
	for index, one := range proxies {
		address := fmt.Sprintf("10.%d.%d.%d", 64+index/65536, index/256%256, index%256)
		key := one.Namespace + "/" + one.Name
		if known, twice := placed[key]; twice {
			address = known
		} else if one.Kind == "waypoint" {
			addWaypoint(all, one, address)
		} else {
			all.kubernetes = append(all.kubernetes, podOf(one, address))
		}
		placed[key] = address
		addresses = append(addresses, address)
	}
	return addresses
}

// What an API server would fill in.
func addServiceDefaults(all *objects) {
	for index, object := range all.kubernetes {
		service, is := object.(*corev1.Service)
		if !is {
			continue
		}
		if service.Spec.ClusterIP == "" {
			service.Spec.ClusterIP = fmt.Sprintf("10.96.%d.%d", index/256, index%256)
			service.Spec.ClusterIPs = []string{service.Spec.ClusterIP}
		}
		for at := range service.Spec.Ports {
			port := &service.Spec.Ports[at]
			if port.Protocol == "" {
				port.Protocol = corev1.ProtocolTCP
			}
			if port.TargetPort == (intstr.IntOrString{}) {
				port.TargetPort = intstr.FromInt32(port.Port)
			}
		}
	}
}

func podOf(one proxy, address string) *corev1.Pod {
	container := corev1.Container{Name: "app"}
	for _, port := range one.Ports {
		container.Ports = append(container.Ports, corev1.ContainerPort{Name: port.Name, ContainerPort: port.Port, Protocol: corev1.ProtocolTCP})
	}
	annotations := map[string]string{}
	if one.Kind == "ztunnel" {
		annotations[annotation.AmbientRedirection.Name] = constants.AmbientRedirectionEnabled
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: one.Name, Namespace: one.Namespace, Labels: one.Labels, Annotations: annotations},
		Spec:       corev1.PodSpec{ServiceAccountName: one.ServiceAccount, Containers: []corev1.Container{container}},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			PodIP:      address,
			PodIPs:     []corev1.PodIP{{IP: address}},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
}

func addWaypoint(all *objects, one proxy, address string) {
	host := one.Name + "." + one.Namespace + ".svc.cluster.local"
	kind := gatewayv1.HostnameAddressType
	status := gatewayv1.GatewayStatus{Addresses: []gatewayv1.GatewayStatusAddress{{Type: &kind, Value: host}}}
	gateway := gatewayOf(all, one)
	gateway.Status = status
	labels := map[string]string{
		label.IoK8sNetworkingGatewayGatewayName.Name: one.Name,
		label.GatewayManaged.Name:                    constants.ManagedGatewayMeshControllerLabel,
	}
	meta := metav1.ObjectMeta{Name: one.Name, Namespace: one.Namespace, Labels: labels}
	hbone := "hbone"
	service := &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
		ClusterIP:  "10.97" + address[len("10.64"):],
		ClusterIPs: []string{"10.97" + address[len("10.64"):]},
		Selector:   map[string]string{label.IoK8sNetworkingGatewayGatewayName.Name: one.Name},
		Ports:      []corev1.ServicePort{{Name: "mesh", Port: 15008, AppProtocol: &hbone}},
	}}
	entry := networking.WorkloadEntry{Address: address, Labels: labels}
	all.kubernetes = append(all.kubernetes, service, &networkingclient.WorkloadEntry{ObjectMeta: meta, Spec: *entry.DeepCopy()})
	all.configs = append(all.configs, config.Config{
		Meta: config.Meta{GroupVersionKind: gvk.WorkloadEntry, Name: one.Name, Namespace: one.Namespace, Labels: labels},
		Spec: &entry,
	})
}

// The one among the objects, or one as it would be.
func gatewayOf(all *objects, one proxy) *gatewayv1.Gateway {
	for _, object := range all.kubernetes {
		gateway, is := object.(*gatewayv1.Gateway)
		if is && gateway.Name == one.Name && gateway.Namespace == one.Namespace {
			return gateway
		}
	}
	gateway := &gatewayv1.Gateway{
		ObjectMeta: metav1.ObjectMeta{Name: one.Name, Namespace: one.Namespace},
		Spec: gatewayv1.GatewaySpec{
			GatewayClassName: constants.WaypointGatewayClassName,
			Listeners:        []gatewayv1.Listener{{Name: "mesh", Port: 15008, Protocol: "HBONE"}},
		},
	}
	all.kubernetes = append(all.kubernetes, gateway)
	return gateway
}
