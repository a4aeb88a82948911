"""Every form, in the order in which they are listed. A new one is a file with a FORM and a line here."""

from __future__ import annotations

from edgepack.pack.deliveries import c_array, c_code
from edgepack.pack.deliveries.android import app
from edgepack.pack.deliveries.image import form as image
from edgepack.pack.deliveries.image import mcuboot
from edgepack.pack.deliveries.ota import form as ota
from edgepack.pack.deliveries.packages import arduino, cmsis_pack, esp_idf, platformio, zephyr
from edgepack.pack.deliveries.systemd import service
from edgepack.pack.deliveries.tflm import sources

FORMS = {
    form.name: form
    for form in (
        c_array.FORM,
        c_code.FORM,
        sources.FORM,
        c_code.FIRMWARE,
        arduino.PACKAGE.form(),
        platformio.PACKAGE.form(),
        zephyr.PACKAGE.form(),
        esp_idf.PACKAGE.form(),
        app.FORM,
        service.FORM,
        ota.FORM,
        image.FORM,
        mcuboot.FORM,
        cmsis_pack.PACKAGE.form(),
    )
}
