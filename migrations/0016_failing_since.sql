-- Since when an endpoint fails outlives the owner of its lane.

alter table lanes
    -- Unix milliseconds; the breaker's memory across owners, as parked_until is. Without a meaning where no failures are
    -- counted: a release that does not know it leaves it as it was.
    add column failing_since bigint;
