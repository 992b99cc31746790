-- What a courier's silence about a parcel means, as staff know it: `unscanned`, `quiet`, `lost`; empty while there is none.
ALTER TABLE parcels ADD COLUMN silence TEXT;
