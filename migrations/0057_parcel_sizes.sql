-- What a parcel measures outside, and the store's carton that it is packed into. All empty where only its weight is known.
ALTER TABLE parcels ADD COLUMN length_mm BIGINT;
ALTER TABLE parcels ADD COLUMN width_mm BIGINT;
ALTER TABLE parcels ADD COLUMN height_mm BIGINT;
ALTER TABLE parcels ADD COLUMN carton TEXT;
