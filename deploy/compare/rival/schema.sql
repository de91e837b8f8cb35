-- One row for each client, and one outbox row for each event, inserted by the same statement. Rows leave room for updates in
-- place (HOT), which write no index.
create table if not exists clients (
	id                        bigint generated always as identity primary key,
	version                   bigint not null default 1,
	created_at                timestamptz not null default now(),
	updated_at                timestamptz not null default now(),
	highrise_id               bigint not null, -- 0 is null, as in the other columns ''
	active                    boolean not null,
	account                   text not null,
	name                      text not null,
	currency                  text not null,
	currency_symbol           text not null,
	details                   text not null,
	default_invoice_timeframe text not null default '',
	last_invoice_kind         text not null default ''
) with (fillfactor = 85);

create table if not exists outbox (
	sequence       bigint generated always as identity primary key,
	client_id      bigint not null,
	version        bigint not null,
	created_at     timestamptz not null default now(),
	account        text not null,
	type           text not null,
	actor          text not null,
	correlation_id text not null,
	data           text not null -- JSON
);
