package main

import (
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"clients/domain"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed schema.sql
var schema string

// Each command is one statement, and so one transaction, one round trip and one flush of the log.
const (
	columns = `id, version, created_at, updated_at, highrise_id, active, name, currency, currency_symbol, details,
		default_invoice_timeframe, last_invoice_kind`

	selectOne  = `select ` + columns + ` from clients where id = $1 and account = $2`
	selectList = `select ` + columns + ` from clients where account = $1 order by lower(name) collate "C", id`

	insertClient = `with client as (
			insert into clients (account, name, highrise_id, currency, currency_symbol, active, details)
			values ($1, $2, $3, $4, $5, $6, $7) returning id
		), event as (
			insert into outbox (client_id, version, account, type, actor, correlation_id, data)
			select id, 1, $1, 'ClientCreated', 'anonymous', $8, $9 from client
		)
		select id from client`

	// updateClient returns no row if the client does not exist, or already has the values.
	updateClient = `with client as (
			update clients set version = version + 1, updated_at = greatest(now(), updated_at),
				name = coalesce($3, name), highrise_id = coalesce($4, highrise_id), currency = coalesce($5, currency),
				currency_symbol = coalesce($6, currency_symbol), active = coalesce($7, active), details = coalesce($8, details)
			where id = $1 and account = $2
				and (name, highrise_id, currency, currency_symbol, active, details) is distinct from
					(coalesce($3, name), coalesce($4, highrise_id), coalesce($5, currency),
					coalesce($6, currency_symbol), coalesce($7, active), coalesce($8, details))
			returning version
		), event as (
			insert into outbox (client_id, version, account, type, actor, correlation_id, data)
			select $1, version, $2, 'ClientUpdated', 'anonymous', $9, $10 from client
		)
		select version from client`
)

// The bodies of events. Their ids are in the column client_id.
type (
	created struct {
		ID             int64  `json:"-"`
		Name           string `json:"name"`
		HighriseID     int64  `json:"highrise_id"`
		Currency       string `json:"currency"`
		CurrencySymbol string `json:"currency_symbol"`
		Active         bool   `json:"active"`
		Details        string `json:"details"`
	}
	updated struct {
		Name           *string `json:"name,omitempty"`
		HighriseID     *int64  `json:"highrise_id,omitempty"`
		Currency       *string `json:"currency,omitempty"`
		CurrencySymbol *string `json:"currency_symbol,omitempty"`
		DeriveSymbol   bool    `json:"-"`
		Active         *bool   `json:"active,omitempty"`
		Details        *string `json:"details,omitempty"`
	}
)

// store is the table of clients. pgx prepares each statement once on each connection.
type store struct{ pool *pgxpool.Pool }

func openStore(ctx context.Context, url string) (store, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return store{}, err
	}
	_, err = pool.Exec(ctx, schema)
	return store{pool}, err
}

// create inserts a client with its event and returns the id.
func (s store) create(ctx context.Context, account, correlation string, e domain.ClientCreated) (id int64, err error) {
	data, err := json.Marshal(created(e))
	if err != nil {
		return 0, err
	}
	err = s.pool.QueryRow(ctx, insertClient, account, e.Name, e.HighriseID, e.Currency, e.CurrencySymbol, e.Active, e.Details,
		correlation, data).Scan(&id)
	return id, err
}

// update changes the attributes that a names, with their event, and returns the version of the client. Nothing changes if
// the client has the values already.
func (s store) update(ctx context.Context, account, correlation string, id int64, a domain.ClientAttributes) (version uint64, err error) {
	data, err := json.Marshal(updated(a))
	if err != nil {
		return 0, err
	}
	err = s.pool.QueryRow(ctx, updateClient, id, account, a.Name, a.HighriseID, a.Currency, a.CurrencySymbol, a.Active, a.Details,
		correlation, data).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		c, err := s.get(ctx, account, id)
		return c.Revision.Version, err
	}
	return version, err
}

// get returns a client, or domain.ErrNotFound.
func (s store) get(ctx context.Context, account string, id int64) (client domain.Client, err error) {
	err = s.each(ctx, func(c *domain.Client) { client = *c }, selectOne, id, account)
	if err == nil && client.ID == 0 {
		err = domain.ErrNotFound
	}
	return client, err
}

// list calls visit with the clients of an account by name ignoring case, then id.
func (s store) list(ctx context.Context, account string, visit func(*domain.Client)) error {
	return s.each(ctx, visit, selectList, account)
}

// each decodes the columns itself, because pgx's Scan takes longer for a row of this width.
func (s store) each(ctx context.Context, visit func(*domain.Client), query string, args ...any) error {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		v := rows.RawValues()
		visit(&domain.Client{
			ID: integer(v[0]), Revision: domain.Revision{Version: uint64(integer(v[1]))},
			CreatedAt: moment(v[2]), UpdatedAt: moment(v[3]), HighriseID: integer(v[4]), Active: v[5][0] == 1,
			Name: string(v[6]), Currency: string(v[7]), CurrencySymbol: string(v[8]), Details: string(v[9]),
			DefaultInvoiceTimeframe: string(v[10]), LastInvoiceKind: string(v[11]),
		})
	}
	return rows.Err()
}

func integer(value []byte) int64 { return int64(binary.BigEndian.Uint64(value)) }

// moment decodes a timestamptz, which counts microseconds from 2000.
func moment(value []byte) time.Time {
	const epoch = 946_684_800_000_000
	return time.UnixMicro(integer(value) + epoch).UTC()
}
