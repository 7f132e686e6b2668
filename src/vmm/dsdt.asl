/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as ACPI tells it: one PCI bus, its interrupts, a serial port. */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "IRQFWD", "MACHINE", 1)
{
	/* S5, soft off: the 5 that platform.c waits for in PM1 control. */
	Name (\_S5, Package () { 5, 5, 0, 0 })

	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			Name (_BBN, 0)

			/* The windows of machine.h. */
			Name (_CRS, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed,
					MaxFixed, PosDecode,
					0, 0, 0, 0, 1)
				IO (Decode16, 0xcf8, 0xcf8, 1, 8)
				WordIO (ResourceProducer, MinFixed, MaxFixed,
					PosDecode, EntireRange,
					0, 0xc000, 0xffff, 0, 0x4000)
				DWordMemory (ResourceProducer, PosDecode,
					MinFixed, MaxFixed, NonCacheable,
					ReadWrite,
					0, 0xc0000000, 0xfebfffff, 0, 0x3ec00000)
			})

			/*
			 * INTA to INTD of 32 slots: GSI 16 + (slot + pin) % 8,
			 * pin from 0: machine_intx_gsi().
			 */
			Method (_PRT, 0, NotSerialized)
			{
				Local0 = Package (128) {}
				Local1 = 0
				While (Local1 < 128)
				{
					Local2 = Package (4) { 0, 0, 0, 0 }
					Local3 = Local1 >> 2
					Local4 = Local1 & 3
					Local2 [0] = (Local3 << 16) | 0xffff
					Local2 [1] = Local4
					Local2 [3] = 16 + ((Local3 + Local4) & 7)
					Local0 [Local1] = Local2
					Local1++
				}
				Return (Local0)
			}
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x3f8, 0x3f8, 1, 8)
				IRQNoFlags () { 4 }
			})
		}

		Device (RTC)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x70, 0x70, 1, 2)
			})
		}

		/* What is taken and has no driver: power management, reset. */
		Device (MBRD)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x600, 0x600, 1, 0x10)
			})
		}
	}
}
