package e2e_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Consumers that a partner created before there were accounts still work. Its requests cannot use those of others.
func TestPartnersUpdateTheirOwnConsumersOnly(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.create("SuprCorp")
	admin, js := s.administrator(t), s.partner(t)
	for name, there := range map[string]jetstream.ConsumerConfig{
		"of an earlier release": {FilterSubject: "clients.>"},
		"push":                  {FilterSubject: "clients.>", DeliverSubject: "deliveries"},
		"unfiltered":            {},
		"of another partner":    {FilterSubject: "clients.>", Metadata: map[string]string{"clients.partner": "other"}},
	} {
		t.Run(name, func(t *testing.T) {
			there.Durable, there.AckPolicy = "reader", jetstream.AckExplicitPolicy
			var err error
			if there.DeliverSubject == "" {
				_, err = admin.CreateConsumer(t.Context(), "CLIENTS", there)
			} else {
				_, err = admin.CreatePushConsumer(t.Context(), "CLIENTS", there)
			}
			require.NoError(t, err)
			defer func() { require.NoError(t, admin.DeleteConsumer(t.Context(), "CLIENTS", "reader")) }()
			require.ErrorIs(t, js.DeleteConsumer(t.Context(), "CLIENTS", "reader"), jetstream.ErrConsumerNotFound)
			own := jetstream.ConsumerConfig{Durable: "reader", FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy}
			for _, request := range []func() (jetstream.Consumer, error){
				func() (jetstream.Consumer, error) { return js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", own) },
				func() (jetstream.Consumer, error) { return js.UpdateConsumer(t.Context(), "CLIENTS", own) },
				func() (jetstream.Consumer, error) { return js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", own) },
			} {
				consumer, err := request()
				if name != "of an earlier release" {
					require.ErrorIs(t, err, jetstream.ErrConsumerExists)
					require.ErrorIs(t, js.DeleteConsumer(t.Context(), "CLIENTS", "reader"), jetstream.ErrConsumerNotFound)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, "partner", consumer.CachedInfo().Config.Metadata["clients.partner"])
			}
		})
	}
}

// The server delivers to a subscription only if it has no wildcards. So not even a push consumer, which partners cannot
// create, delivers to the service's subscriptions.
func TestNothingIsDeliveredToTheService(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.create("SuprCorp")
	admin := s.administrator(t)
	create := func(subject, group string) bool {
		consumer, err := admin.CreatePushConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{DeliverSubject: subject, DeliverGroup: group, FilterSubject: "clients.>"})
		require.NoError(t, err)
		info, err := consumer.Info(t.Context())
		require.NoError(t, err)
		return info.PushBound
	}
	sub, err := admin.Conn().SubscribeSync("deliveries")
	require.NoError(t, err)
	require.True(t, create("deliveries", ""))
	_, err = sub.NextMsg(timeout)
	require.NoError(t, err)
	for _, subject := range []string{"clients-control.quarantine.retry", "clients-partners.partner.stream.info.CLIENTS", "clients-partners.partner.consumer.create"} {
		require.False(t, create(subject, ""), subject)
		require.False(t, create(subject, "clients"), subject)
	}
}
