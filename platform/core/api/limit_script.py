"""The Lua script that decides all policies of a call at once, and how it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings

from core.api.slots import SLOT_SECONDS, slots_key
from core.redis_client import Script

if TYPE_CHECKING:
    from core.api.decisions import Charge

# Two kinds of rate. A bucket is the generic cell rate algorithm (ITU-T I.371): of a policy only one
# instant is kept, the time at which its bucket is full again ("theoretical arrival time"); a call
# of weight w moves it by w emission intervals and is refused when it would lie further ahead than
# the period. A day is a count that starts anew at midnight UTC. Calls at once are counted in a
# hash of the processes that run them: core.api.slots.
#
# KEYS[1]: "name=state" of each policy, parted by spaces; the state of a bucket is its instant in
#   microseconds, of a day "count@day". KEYS[2]: the hash of slots.
# ARGV: weight (0: nothing is charged), number of policies, limit of calls at once (0: none), and
#   for those: field, number of the message, slots wanted (1; 0: only look), spare, milliseconds,
#   slots held by then (-1: as counted).
#   Then name, kind, quota and period in microseconds of each policy.
# Answers 1 or 0, slots in use, slots added, 1 when there was no slot; then for each policy what
# remains, the microseconds until it is whole again, and those to wait for this weight (< 1: none).
DECIDE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local known = {}
local stored = redis.call('GET', KEYS[1])
if stored then
  for name, state in string.gmatch(stored, '(%S+)=(%S+)') do known[name] = state end
end
local weight, policies, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local allowed, used, added, full, first = 1, 0, 0, 0, 4
local mine, whole, last, says = 0, 0, 0, false
if most > 0 then
  local number, wanted, spare = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
  local held = tonumber(ARGV[9])
  first = 10
  local fields = redis.call('HGETALL', KEYS[2])
  for i = 1, #fields, 2 do
    local count, expiry, a, b = string.match(fields[i + 1], '(%d+):(%d+):(%d+):(%d+)')
    if tonumber(expiry) * 1000 <= now then
      redis.call('HDEL', KEYS[2], fields[i])
    else
      used = used + tonumber(count)
      if fields[i] == ARGV[4] then
        mine, whole, last = tonumber(count), tonumber(a), tonumber(b)
      end
    end
  end
  if wanted > 0 and held >= 0 and number > last then
    used, mine, whole, says = used - mine + held, held, number, true
  end
  last = math.max(last, number)
  if wanted > 0 then
    if used + wanted > most then
      allowed, full = 0, 1
    else
      added = math.min(wanted + spare, most - used)
      used = used + wanted
    end
  end
end
local today = math.floor(now / 86400000000)
local moved, answer = {}, {}
for i = 1, policies do
  local at = first + 4 * (i - 1)
  local name, kind = ARGV[at], ARGV[at + 1]
  local quota, period = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local cost = math.min(weight, quota)
  if kind == 'day' then
    local count, day = string.match(known[name] or '', '^(%d+)@(%d+)$')
    local from = (tonumber(day) == today) and tonumber(count) or 0
    local left = (today + 1) * 86400000000 - now
    local wait = (from + cost > quota) and left or 0
    moved[i] = {name, kind, from, from + cost, quota, left, wait}
  else
    local interval = period / quota
    local from = math.max(tonumber(known[name]) or now, now)
    local to = from + cost * interval
    moved[i] = {name, kind, from, to, period, interval, to - now - period}
  end
  if weight > 0 and moved[i][7] >= 1 then allowed = 0 end
end
local latest, states = now, {}
for i = 1, policies do
  local name, kind, from, to, bound, step, wait = unpack(moved[i])
  local at = allowed == 1 and to or from
  if kind == 'day' then
    states[i] = string.format('%s=%.0f@%.0f', name, at, today)
    latest = math.max(latest, now + step)
    answer[#answer + 1] = math.max(0, bound - at)
    answer[#answer + 1] = at > 0 and math.ceil(step) or 0
  else
    states[i] = string.format('%s=%.0f', name, at)
    latest = math.max(latest, at)
    answer[#answer + 1] = math.max(0, math.floor((bound - (at - now)) / step + 0.001))
    answer[#answer + 1] = math.ceil(at - now)
  end
  answer[#answer + 1] = math.ceil(wait)
end
if allowed == 1 then
  if weight > 0 then
    local life = math.ceil((latest - now) / 1000) + 1
    redis.call('SET', KEYS[1], table.concat(states, ' '), 'PX', life)
  end
else
  added = 0
end
if added > 0 or says then
  local expiry = math.floor(now / 1000) + tonumber(ARGV[8])
  local said = string.format('%.0f:%.0f:%.0f:%.0f', mine + added, expiry, whole, last)
  redis.call('HSET', KEYS[2], ARGV[4], said)
  redis.call('PEXPIRE', KEYS[2], ARGV[8])
end
return {allowed, used, added, full, unpack(answer)}
"""
_decide = Script(DECIDE)
HEAD: Final = 4  # members of the answer before those of the policies


def ask(charge: Charge) -> list[int]:
    """One round trip. Raises redis.exceptions.RedisError."""
    limits, bid = charge.limits, charge.bid
    arguments: list[int | str] = [charge.weight, len(limits.policies)]
    if bid is not None:
        arguments += [limits.concurrent or 0, bid.pool.field, bid.number, 1]
        arguments += [bid.pool.spare, int(SLOT_SECONDS * 1000), bid.whole]
    elif charge.weight == 0 and limits.concurrent is not None:
        arguments += [limits.concurrent, "", 0, 0, 0, 0, -1]
    else:
        arguments.append(0)
    for policy in limits.policies:
        arguments += [policy.name, policy.kind, policy.quota, policy.seconds * 1_000_000]
    identity = charge.caller.identity
    rates = f"{settings.REDIS_KEY_PREFIX}rate:{charge.scope}:{identity}"
    return _decide([rates, slots_key(charge.scope, identity)], arguments)
